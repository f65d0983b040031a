/** How streams are left: drained, idle, closed. */
import { describe, expect, it } from '@jest/globals';
import { grpcCode } from '@tercet/core';
import type { SessionAnswer } from '@tercet/proto';
import { ScriptedSession, type ScriptedStream } from '../../../test/support/scripted-stream';

/** A session with `a` answered and `b` under way. */
async function underWay(): Promise<{
  s: ScriptedSession;
  old: ScriptedStream;
  b: Promise<string>;
}> {
  const s = new ScriptedSession();
  const a = s.get('a');
  const b = s.get('b');
  await s.time.settle();
  s.stream.answer('a');
  await a;
  return { s, old: s.stream, b };
}

describe('a stream that is drained', () => {
  it('E4: keeps what is under way; what comes leaves on a new one at once; T3: it is ended when all is answered', async () => {
    const { s, old, b } = await underWay();
    old.say({ drain: true });
    const c = s.get('c');
    await s.time.settle();
    expect(s.streams).toHaveLength(2);
    expect(s.stream.gids).toEqual([['c']]);
    expect(old.gids).toEqual([['a', 'b']]);
    expect(old.writableEnded).toBe(false);
    old.answer('b');
    expect(old.writableEnded).toBe(true);
    expect(await b).toBe('b');
    expect(s.story).toEqual(['line 1 drained']);
    old.over(grpcCode.OK);
    expect(s.story).toEqual(['line 1 drained', 'line 1 closed']);
    s.stream.answer('c');
    expect(await c).toBe('c');
    s.session.close();
  });

  it('E4: gives back what has not left it', async () => {
    const { s, old, b } = await underWay();
    const c = s.get('c');
    old.say({ drain: true });
    await s.time.settle();
    expect(old.gids).toEqual([['a', 'b']]);
    expect(s.stream.gids).toEqual([['c']]);
    s.stream.answer('c');
    old.answer('b');
    expect(await Promise.all([b, c])).toEqual(['b', 'c']);
    s.session.close();
  });

  it('loses what it does not answer, and nothing else', async () => {
    const { s, old, b } = await underWay();
    old.say({ drain: true });
    const c = s.get('c');
    await s.time.settle();
    old.over(grpcCode.UNAVAILABLE, 'killed');
    expect(await b).toBe('lost: COORDINATOR_UNAVAILABLE: UNAVAILABLE: killed');
    s.stream.answer('c');
    expect(await c).toBe('c');
    expect(s.story).toEqual(['line 1 drained', 'line 1 closed']);
    s.session.close();
  });

  it('is ended when the last of its commands is given up', async () => {
    const s = new ScriptedSession();
    const caller = new AbortController();
    const asked = s.get('a', { signal: caller.signal });
    await s.time.settle();
    const old = s.stream;
    old.say({ drain: true });
    caller.abort();
    await asked;
    expect(old.writableEnded).toBe(true);
    s.session.close();
  });

  it('E3: before it answered anything is not replaced at once: somebody who only drains is not asked in a loop', async () => {
    const s = new ScriptedSession();
    void s.get('a');
    let rounds = 0;
    for (let ms = 0; ms < 5_000; ms++) {
      await s.time.advance(1);
      if (s.streams.length === rounds) continue;
      rounds = s.streams.length;
      void s.get(`next ${rounds}`);
      s.stream.say({ drain: true });
    }
    expect(rounds).toBeLessThan(40);
    s.session.close();
    expect(s.time.pending).toBe(0);
  });

  it('is cut where the coordinator does not end it either', async () => {
    const { s, old } = await underWay();
    old.say({ drain: true });
    old.answer('b');
    expect(old.cancelled).toBe(false);
    await s.time.advance(5_000);
    expect(old.cancelled).toBe(true);
    s.session.close();
  });
});

describe('a stream that nobody uses', () => {
  it('is ended after 30 s to a minute; the next command opens another one on the same line', async () => {
    const { s, old } = await underWay();
    old.answer('b');
    await s.time.advance(30_000);
    expect(old.writableEnded).toBe(false);
    await s.time.advance(35_000);
    expect(old.writableEnded).toBe(true);
    old.over(grpcCode.OK);
    expect(s.time.pending).toBe(0);
    const c = s.get('c');
    await s.time.settle();
    s.stream.answer('c');
    expect(await c).toBe('c');
    expect(s.streams).toHaveLength(2);
    expect(s.story).toEqual([]);
    s.session.close();
  });

  it('stays while it is used, or owes an answer', async () => {
    const s = new ScriptedSession();
    const waited = s.wait('w', { deadlineMs: 600_000 });
    await s.time.advance(95_000);
    expect(s.stream.writableEnded).toBe(false);
    s.stream.answer();
    await waited;
    for (let i = 0; i < 8; i++) {
      void s.get(`${i}`);
      await s.time.advance(10_000);
      s.stream.answer(`${i}`);
    }
    expect(s.streams).toHaveLength(1);
    expect(s.stream.writableEnded).toBe(false);
    s.session.close();
  });

  it('and is drained while it ends closes no line that a newer one uses', async () => {
    const { s, old } = await underWay();
    old.answer('b');
    await s.time.advance(65_000);
    const c = s.get('c');
    await s.time.settle();
    expect(s.streams).toHaveLength(2);
    old.say({ drain: true });
    old.over(grpcCode.OK);
    expect(s.story).toEqual(['line 1 drained']);
    s.stream.answer('c');
    expect(await c).toBe('c');
    s.session.close();
  });
});

describe('a coordinator that cannot serve', () => {
  const failure = (id: number, code: string, details = {}): SessionAnswer => {
    const info = { code, retryable: true, hint: '', details };
    return { id, answer: { $case: 'failure', value: { grpcCode: 14, message: 'no', info } } };
  };

  it.each([
    ['cannot reach its store', 'STORE_UNAVAILABLE', {}],
    ['was taken for dead', 'MOVED', { reason: 'removed' }],
    ['stops', 'SHUTTING_DOWN', {}],
  ])('E7: because it %s is left; what is under way is still answered', async (_, code, details) => {
    const s = new ScriptedSession();
    s.several = true;
    const a = s.get('a');
    const b = s.get('b');
    await s.time.settle();
    const old = s.stream;
    old.say({ answers: [failure(old.commands[0]?.id ?? 0, code, details)] });
    expect(await a).toMatch(`lost: ${code}`);
    expect(s.story).toEqual(['line 1 failed']);
    const c = s.get('c');
    await s.time.advance(50);
    expect(s.streams).toHaveLength(2);
    expect(s.stream.gids).toEqual([['c']]);
    old.answer('b');
    expect(await b).toBe('b');
    expect(old.writableEnded).toBe(true);
    s.stream.answer('c');
    expect(await c).toBe('c');
    s.session.close();
    await s.time.settle();
    expect(s.time.pending).toBe(0);
  });

  it.each([
    ['only the transaction has moved: whoever is asked takes it over', true, 'MOVED'],
    ['there is no other', false, 'STORE_UNAVAILABLE'],
  ])('E7: is not left where %s', async (_, several, code) => {
    const s = new ScriptedSession();
    s.several = several;
    const a = s.get('a');
    await s.time.settle();
    s.stream.say({ answers: [failure(s.stream.commands[0]?.id ?? 0, code)] });
    await a;
    const b = s.get('b');
    await s.time.settle();
    expect(s.streams).toHaveLength(1);
    s.stream.answer('b');
    expect(await b).toBe('b');
    s.session.close();
  });
});

describe('close', () => {
  it('E6: ends everything: streams, timers, and whoever waits', async () => {
    const { s, old, b } = await underWay();
    old.say({ drain: true });
    const c = s.get('c');
    await s.time.settle();
    const d = s.get('d');
    s.session.close();
    s.session.close();
    const closed = 'lost: COORDINATOR_UNAVAILABLE: CANCELLED: the client was closed';
    expect(await Promise.all([b, c, d, s.get('e')])).toEqual(Array(4).fill(closed));
    expect(old.cancelled).toBe(true);
    expect(s.stream.cancelled).toBe(true);
    expect(s.story).toEqual(['line 1 drained', 'line 1 closed']);
    // What grpc-js still tells of a cancelled stream changes nothing.
    old.over(grpcCode.CANCELLED, 'Cancelled on client');
    await s.time.settle();
    expect(s.time.pending).toBe(0);
  });

  it('E6: in a pause leaves no timer either', async () => {
    const s = new ScriptedSession();
    const first = s.get('a');
    await s.time.settle();
    s.stream.over(grpcCode.UNAVAILABLE, 'away');
    await first;
    const asked = s.get('b');
    s.session.close();
    expect(await asked).toMatch(/^lost: COORDINATOR_UNAVAILABLE/);
    await s.time.settle();
    expect(s.time.pending).toBe(0);
  });
});
