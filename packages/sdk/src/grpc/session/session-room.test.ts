/** How many commands are unanswered at a time, and which wait for which. */
import { describe, expect, it } from '@jest/globals';
import { grpcCode } from '@tercet/core';
import { ScriptedSession } from '../../../test/support/scripted-stream';

const hello = (outstandingMax: number) => ({ hello: { protocolVersion: 1, outstandingMax } });

/** A session whose coordinator takes `max` commands. */
async function sessionWith(max: number): Promise<ScriptedSession> {
  const s = new ScriptedSession();
  void s.get('first');
  await s.time.settle();
  s.stream.say(hello(max));
  s.stream.answer('first');
  return s;
}

/** Gids that left after the first one. */
const left = (s: ScriptedSession): readonly string[] => s.stream.gids.flat().slice(1);

describe('unanswered commands', () => {
  it('T2: are at most 1,024 before hello, and as many as it says afterwards; the others leave in their order', async () => {
    const s = new ScriptedSession();
    const asked = Array.from({ length: 10_000 }, (_, i) => s.get(`${i}`));
    await s.time.settle();
    expect(s.stream.commands).toHaveLength(1_024);
    s.stream.say(hello(3_000));
    await s.time.settle();
    expect(s.stream.commands).toHaveLength(3_000);
    let answered = 0;
    while (answered < 10_000) {
      const gids = s.stream.gids.flat().slice(answered, answered + 3_000);
      s.stream.answer(...new Set(gids));
      answered += gids.length;
      await s.time.settle();
    }
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 10_000 }, (_, i) => `${i}`));
    expect(s.stream.gids.flat()).toEqual(Array.from({ length: 10_000 }, (_, i) => `${i}`));
    expect(s.streams).toHaveLength(1);
    s.session.close();
  });

  it('T2, Q1: that only wait leave half of the room to the others, decisions that wait a quarter', async () => {
    const s = await sessionWith(8);
    for (const n of [1, 2, 3, 4, 5]) void s.wait(`w${n}`);
    for (const n of [1, 2, 3]) void s.commit(`c${n}`);
    for (const n of [1, 2, 3]) void s.get(`g${n}`);
    await s.time.settle();
    expect(left(s)).toEqual(['w1', 'w2', 'w3', 'w4', 'c1', 'c2', 'g1', 'g2']);
    s.stream.answer('g1');
    await s.time.settle();
    expect(left(s).slice(8)).toEqual(['g3']);
    s.session.close();
  });

  it('T2, Q2: include no command that its caller gave up: the next one has its room', async () => {
    const s = await sessionWith(1);
    const caller = new AbortController();
    const waited = s.wait('w', { signal: caller.signal });
    const next = s.get('g');
    const over = s.get('over', { signal: caller.signal });
    const last = s.get('last');
    await s.time.settle();
    expect(left(s)).toEqual(['w']);
    caller.abort();
    await s.time.settle();
    expect(await waited).toMatch(/^lost: CALL_CANCELLED/);
    expect(await over).toMatch(/^lost: CALL_CANCELLED/);
    expect(left(s)).toEqual(['w', 'g']);
    s.stream.answer('g');
    await s.time.settle();
    s.stream.answer('last');
    expect(await Promise.all([next, last])).toEqual(['g', 'last']);
    s.session.close();
  });

  it('E2: that wait for room are lost with the stream, too', async () => {
    const s = await sessionWith(1);
    const asked = [s.get('a'), s.get('b')];
    await s.time.settle();
    s.stream.over(grpcCode.UNAVAILABLE, 'gone');
    expect(await Promise.all(asked)).toEqual(
      Array(2).fill('lost: COORDINATOR_UNAVAILABLE: UNAVAILABLE: gone'),
    );
    s.session.close();
  });
});

describe('a command that is too large for a stream', () => {
  it('E5: goes by a unary call; the others stay', async () => {
    const s = new ScriptedSession();
    const asked = [s.get('small'), s.get('x'.repeat(4 * 1_024 * 1_024))];
    await s.time.settle();
    s.stream.answer('small');
    expect(await Promise.all(asked)).toEqual(['small', 'unary']);
    expect(s.unary).toHaveLength(1);
    expect(s.stream.gids).toEqual([['small']]);
    s.session.close();
  });

  it('travels alone where it is larger than a message but not that large', async () => {
    const s = new ScriptedSession();
    const large = 'x'.repeat(300 * 1_024);
    for (const gid of ['a', large, 'b']) void s.get(gid);
    await s.time.settle();
    expect(s.stream.gids).toEqual([['a'], [large], ['b']]);
    s.session.close();
  });
});

describe('a command that cannot be encoded', () => {
  it('is lost alone', async () => {
    const s = new ScriptedSession();
    const asked = [s.wait('a', {}, -1), s.get('b')];
    await s.time.settle();
    s.stream.answer('b');
    expect(await Promise.all(asked)).toEqual([
      'lost: INTERNAL: the request of /tercet.v1.Coordinator/WaitTransaction cannot be encoded',
      'b',
    ]);
    s.session.close();
  });
});
