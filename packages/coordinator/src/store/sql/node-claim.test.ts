import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { NodeClaim } from './node-claim';
import type { NodeRow } from './sql-server';

/** The row of one store, with compare-and-set as a database does it. */
class FakeNodes {
  row: NodeRow | undefined;
  /** What happens instead of the next compare-and-set. */
  next: 'fail' | 'lose the answer' | undefined;
  /** How many came. */
  writes = 0;

  async node(): Promise<NodeRow | undefined> {
    return this.row;
  }

  async replaceNode(seen: NodeRow | undefined, next: NodeRow | undefined): Promise<boolean> {
    this.writes += 1;
    const trouble = this.next;
    this.next = undefined;
    if (trouble === 'fail') throw new Error('away');
    const same = seen?.incarnation === this.row?.incarnation && seen?.beat === this.row?.beat;
    if (same) this.row = next;
    if (trouble === 'lose the answer') throw new Error('away');
    return same;
  }
}

function world() {
  const [time, server] = [new ManualTime(), new FakeNodes()];
  const claim = (name: string): NodeClaim => {
    const deps = { server, clock: time, scheduler: time, nodeTtlMs: 1_000, where: `host ${name}` };
    return new NodeClaim(deps, name);
  };
  /** Takes, and says how it ended. */
  const take = async (taker: NodeClaim, withinMs = 0): Promise<unknown> => {
    let end: unknown = 'waits';
    void taker.take().then(
      () => (end = 'taken'),
      (error: unknown) => (end = error),
    );
    await time.settle();
    if (withinMs > 0) await time.advance(withinMs);
    return end;
  };
  return { time, server, claim, take };
}

describe('a claim', () => {
  it('is had at once where nobody has it, and given back at once', async () => {
    const { time, server, claim, take } = world();
    const first = claim('first');
    expect(await take(first)).toBe('taken');
    expect(server.row).toEqual({ incarnation: 'first', beat: 1, where: 'host first' });
    await first.giveBack();
    expect(server.row).toBeUndefined();
    expect(await take(claim('second'))).toBe('taken');
    expect(time.pending).toBe(1);
  });

  it('is refused as soon as the other one’s beat is seen to rise, naming it (N1)', async () => {
    const { claim, take } = world();
    await take(claim('first'));
    expect(await take(claim('second'), 300)).toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining('host first'),
    });
  });

  it('of a dead one is had after the whole ttl, no sooner (N1)', async () => {
    const { time, server, claim, take } = world();
    server.row = { incarnation: 'dead', beat: 7, where: 'host dead' };
    const next = claim('next');
    expect(await take(next, 999)).toBe('waits');
    expect(server.row.incarnation).toBe('dead');
    await time.advance(1);
    expect(server.row).toMatchObject({ incarnation: 'next', beat: 1 });
    next.check();
  });

  it('of a dead one goes to one of two that wait for it (N2)', async () => {
    const { time, server, claim } = world();
    server.row = { incarnation: 'dead', beat: 7, where: 'host dead' };
    const ends = Promise.allSettled([claim('a').take(), claim('b').take()]);
    await time.advance(1_000);
    expect((await ends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(server.row.incarnation).toBe('a');
  });

  it('that was replaced is found at the next beat: nothing more is written (N3)', async () => {
    const { time, server, claim, take } = world();
    const first = claim('first');
    await take(first);
    server.row = { incarnation: 'second', beat: 4, where: 'host second' };
    first.check();
    await time.advance(250);
    expect(() => first.check()).toThrow('taken over by host second');
    const writes = server.writes;
    await time.advance(5_000);
    await first.giveBack();
    expect(server.writes).toBe(writes);
    expect(server.row.incarnation).toBe('second');
  });

  it('outlives beats that cannot be written, and such whose answer is lost (N4)', async () => {
    const { time, server, claim, take } = world();
    const first = claim('first');
    await take(first);
    for (const trouble of ['fail', 'lose the answer', 'fail'] as const) {
      server.next = trouble;
      await time.advance(250);
      first.check();
    }
    await time.advance(500);
    first.check();
    expect(server.row).toMatchObject({ incarnation: 'first', beat: 3 });
  });

  it('is given back even where the answer to its last beat was lost', async () => {
    const { time, server, claim, take } = world();
    const first = claim('first');
    await take(first);
    server.next = 'lose the answer';
    await time.advance(250);
    await first.giveBack();
    expect(server.row).toBeUndefined();
    expect(time.pending).toBe(0);
  });
});
