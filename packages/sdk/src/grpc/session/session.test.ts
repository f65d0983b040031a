import { describe, expect, it } from '@jest/globals';
import { grpcCode } from '@tercet/core';
import { ScriptedSession, answerTo } from '../../../test/support/scripted-stream';

const lost = (text: string): string => `lost: COORDINATOR_UNAVAILABLE: ${text}`;

describe('commands of one turn', () => {
  it('leave as one message on one stream, without waiting for hello', async () => {
    const s = new ScriptedSession();
    const asked = [s.get('a'), s.get('b'), s.wait('c')];
    await s.time.settle();
    const later = s.get('d');
    await s.time.settle();
    expect(s.streams).toHaveLength(1);
    expect(s.stream.gids).toEqual([['a', 'b', 'c'], ['d']]);
    expect(s.stream.commands.map(({ deadlineMs }) => deadlineMs)).toEqual([
      5_000, 5_000, 5_000, 5_000,
    ]);
    s.stream.answer('a', 'b', 'd');
    expect(await Promise.all([asked[0], asked[1], later])).toEqual(['a', 'b', 'd']);
    s.session.close();
  });

  it('T1: are answered in whatever order; ids are unique among those that are not', async () => {
    const s = new ScriptedSession();
    const asked = ['a', 'b', 'c'].map((gid) => s.get(gid));
    await s.time.settle();
    const ids = s.stream.commands.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    s.stream.answer('c');
    s.stream.answer('a', 'b');
    expect(await Promise.all(asked)).toEqual(['a', 'b', 'c']);
    s.session.close();
  });

  it('wait while the coordinator does not read, then leave together', async () => {
    const s = new ScriptedSession();
    void s.get('a');
    await s.time.settle();
    s.stream.keepsUp = false;
    for (const gid of ['b', 'c', 'd']) {
      void s.get(gid);
      await s.time.settle();
    }
    expect(s.stream.gids).toEqual([['a'], ['b']]);
    s.stream.keepsUp = true;
    s.stream.emit('drain');
    await s.time.settle();
    expect(s.stream.gids).toEqual([['a'], ['b'], ['c', 'd']]);
    s.session.close();
  });
});

describe('an answer', () => {
  it('T1: with an id that nobody waits for is ignored', async () => {
    const s = new ScriptedSession();
    const asked = s.get('a');
    await s.time.settle();
    s.stream.say({ answers: [answerTo(77, 'x')] });
    s.stream.answer();
    s.stream.answer();
    expect(await asked).toBe('a');
    s.session.close();
  });

  it('of another kind, or of none, is no answer; the stream goes on', async () => {
    const s = new ScriptedSession();
    const asked = [s.wait('a'), s.get('b'), s.get('c')];
    await s.time.settle();
    const [a = 0, b = 0] = s.stream.commands.map(({ id }) => id);
    s.stream.say({ answers: [answerTo(a, 'a'), { id: b }] });
    s.stream.answer('c');
    expect(await Promise.all(asked)).toEqual([
      'lost: INTERNAL: wait was answered with got',
      'lost: INTERNAL: get was answered with nothing that this version knows',
      'c',
    ]);
    s.session.close();
  });

  it('that makes no sense ends its command alone', async () => {
    const s = new ScriptedSession();
    const asked = [s.get('a'), s.get('b')];
    await s.time.settle();
    const [a = 0] = s.stream.commands.map(({ id }) => id);
    const value = { transaction: undefined, result: undefined };
    s.stream.say({ answers: [{ id: a, answer: { $case: 'got', value } }] });
    s.stream.answer('b');
    expect(await Promise.all(asked)).toEqual([
      'lost: INTERNAL: the coordinator’s answer holds no transaction',
      'b',
    ]);
    s.session.close();
  });

  it('that is a failure says what the unary call would say', async () => {
    const s = new ScriptedSession();
    const asked = [s.get('a'), s.get('b'), s.get('c')];
    await s.time.settle();
    const [a = 0, b = 0, c = 0] = s.stream.commands.map(({ id }) => id);
    const info = { code: 'TRANSACTION_NOT_FOUND', retryable: false, hint: '', details: {} };
    const failure = (id: number, code: number, more: object = {}) => ({
      id,
      answer: { $case: 'failure' as const, value: { grpcCode: code, message: 'no', ...more } },
    });
    s.stream.say({
      answers: [
        failure(a, grpcCode.NOT_FOUND, { info }),
        failure(b, grpcCode.UNAVAILABLE, { info: { ...info, code: 'STORE_UNAVAILABLE' } }),
        failure(c, grpcCode.UNIMPLEMENTED),
      ],
    });
    expect(await Promise.all(asked)).toEqual([
      'refused: TRANSACTION_NOT_FOUND: no',
      'lost: STORE_UNAVAILABLE: no',
      'lost: NOT_BUILT_YET: UNIMPLEMENTED: no',
    ]);
    s.session.close();
  });
});

describe('a command that is not answered', () => {
  it('E1: is lost after its deadline, and the coordinator is told that nobody waits', async () => {
    const s = new ScriptedSession();
    const asked = s.get('a', { deadlineMs: 30 });
    await s.time.settle();
    const [{ id } = { id: 0 }] = s.stream.commands;
    await s.time.advance(100);
    expect(await asked).toBe(
      'lost: DEADLINE_EXCEEDED: DEADLINE_EXCEEDED: Deadline exceeded after 0.030s',
    );
    expect(s.stream.messages.at(-1)).toEqual({ commands: [], givenUpIds: [id] });
    s.stream.answer();
    s.session.close();
    expect(s.time.pending).toBe(0);
  });

  it('E1: is lost at its caller’s abort, and the coordinator is told', async () => {
    const s = new ScriptedSession();
    const caller = new AbortController();
    const asked = s.get('a', { signal: caller.signal });
    const other = s.get('b', { signal: caller.signal });
    await s.time.settle();
    s.stream.answer('b');
    caller.abort('enough');
    await s.time.settle();
    expect(await asked).toBe('lost: CALL_CANCELLED: The caller gave the call up.');
    expect(await other).toBe('b');
    expect(s.stream.messages.at(-1)?.givenUpIds).toEqual([s.stream.commands[0]?.id]);
    s.session.close();
  });

  it('E1: never leaves where its caller gave up before, and nothing is said of it', async () => {
    const s = new ScriptedSession();
    const caller = new AbortController();
    const asked = s.get('a', { signal: caller.signal });
    caller.abort();
    await s.time.settle();
    expect(await asked).toMatch(/^lost: CALL_CANCELLED/);
    expect(await s.get('b', { signal: caller.signal })).toMatch(/^lost: CALL_CANCELLED/);
    expect(s.stream.messages).toEqual([]);
    s.session.close();
  });
});

describe('a stream that breaks', () => {
  it('E2: takes its commands along, whatever they waited for; E3: the next one is opened by the next command, not at once', async () => {
    const s = new ScriptedSession();
    const sent = s.get('sent');
    await s.time.settle();
    s.stream.keepsUp = false;
    void s.get('full');
    await s.time.settle();
    const unsent = s.get('unsent');
    await s.time.settle();
    s.stream.over(grpcCode.UNAVAILABLE, 'read ECONNRESET');
    expect(await sent).toBe(lost('UNAVAILABLE: read ECONNRESET'));
    expect(await unsent).toBe(lost('UNAVAILABLE: read ECONNRESET'));
    expect(s.story).toEqual(['line 1 failed']);
    await s.time.advance(10_000);
    expect(s.streams).toHaveLength(1);
    s.session.close();
  });

  it('E3: pauses longer while streams break without an answer, and starts anew after one', async () => {
    const s = new ScriptedSession();
    const pauses: number[] = [];
    for (let round = 0; round < 12; round++) {
      const asked = s.get(`${round}`);
      const from = s.time.now();
      while (s.streams.length === round) await s.time.advance(1);
      pauses.push(s.time.now() - from);
      if (round === 10) s.stream.answer();
      s.stream.over(grpcCode.UNAVAILABLE, 'connect ECONNREFUSED');
      await asked;
    }
    const bounds = [0, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000, 50];
    for (const [round, bound] of bounds.entries()) expect(pauses[round]).toBeLessThanOrEqual(bound);
    expect(Math.max(...pauses)).toBeGreaterThan(400);
    s.session.close();
  });

  it('E3: commands of the pause wait for the next stream, at most their own time', async () => {
    const s = new ScriptedSession();
    const first = s.get('a');
    await s.time.settle();
    s.stream.over(grpcCode.UNAVAILABLE, 'away');
    await first;
    const short = s.get('short', { deadlineMs: 0 });
    const asked = [s.get('b'), s.get('c')];
    await s.time.advance(200);
    expect(await short).toMatch(/^lost: DEADLINE_EXCEEDED/);
    expect(s.streams).toHaveLength(2);
    const [remaining = 0] = s.stream.commands.map(({ deadlineMs }) => deadlineMs);
    expect(remaining).toBeLessThanOrEqual(5_000);
    s.stream.over(grpcCode.UNAVAILABLE, 'still away');
    expect(await Promise.all(asked)).toEqual([
      lost('UNAVAILABLE: still away'),
      lost('UNAVAILABLE: still away'),
    ]);
    s.session.close();
  });

  it('that ends with OK, or for a reason of its own, is worth another attempt of each command', async () => {
    const s = new ScriptedSession();
    const endings: readonly [number, string][] = [
      [grpcCode.OK, 'OK: the coordinator ended the session without an answer'],
      [grpcCode.INVALID_ARGUMENT, 'INVALID_ARGUMENT: x'],
      [grpcCode.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED: x'],
    ];
    for (const [code, text] of endings) {
      const asked = [s.get('a'), s.get('b')];
      await s.time.advance(2_000);
      s.stream.answer('a');
      s.stream.over(code, 'x');
      expect(await Promise.all(asked)).toEqual(['a', lost(text)]);
    }
    s.session.close();
  });

  it('that was refused before any answer says why', async () => {
    const s = new ScriptedSession();
    const asked = s.get('a');
    await s.time.settle();
    s.stream.over(grpcCode.PERMISSION_DENIED, 'not you');
    expect(await asked).toBe('lost: INTERNAL: PERMISSION_DENIED: not you');
    s.session.close();
  });

  it('E3: is left when it does not get connected, so that another address has its turn', async () => {
    const s = new ScriptedSession();
    s.connection = 'unknown';
    const asked = s.get('a');
    await s.time.advance(3_000);
    expect(await asked).toBe(lost('UNAVAILABLE: no connection to line 1 within 3 s'));
    expect(s.stream.cancelled).toBe(true);
    expect(s.story).toEqual(['line 1 failed']);
    s.session.close();
  });
});

describe('a coordinator that does not know sessions', () => {
  it('E5: has the commands of the stream as unary calls, with what is left of their time', async () => {
    const s = new ScriptedSession();
    const asked = [s.get('a'), s.get('b', { deadlineMs: 100 })];
    await s.time.advance(50);
    s.stream.over(grpcCode.UNIMPLEMENTED, 'what?');
    expect(await Promise.all(asked)).toEqual(['unary', 'unary']);
    expect(s.notOffered).toBe(1);
    expect(s.unary.map(({ gid }) => gid)).toEqual(['a', 'b']);
    expect(s.unary[1]?.bounds.deadlineMs).toBeLessThanOrEqual(100);
    expect(s.story).toEqual([]);
    s.session.close();
    await s.time.advance(200);
    expect(s.time.pending).toBe(0);
  });

  it('E5: is not one that has said hello', async () => {
    const s = new ScriptedSession();
    const asked = s.get('a');
    await s.time.settle();
    s.stream.say({ hello: { protocolVersion: 1, outstandingMax: 100 } });
    s.stream.over(grpcCode.UNIMPLEMENTED, 'what?');
    expect(await asked).toMatch(/^lost: COORDINATOR_UNAVAILABLE: .*UNIMPLEMENTED: what/);
    expect(s.notOffered).toBe(0);
    s.session.close();
  });
});
