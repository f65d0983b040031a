import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { StoreFailure } from '../store';
import { Membership, type MembershipDeps } from './membership';
import type { NodeRow } from './sql-server';

const TTL = 1_000;
/** Time between two rounds. */
const PART = TTL / 4;

/** What happens to the next call instead of what it asks for. */
type Trouble = 'fail' | 'lose the answer' | 'hang' | { readonly lasts: number };

/** The table of nodes as a database keeps it, for as many as want to share it. */
class FakeNodes {
  readonly rows = new Map<string, NodeRow>();
  /** Played by the calls that come, one each. */
  readonly troubles: Trouble[] = [];
  /** The store answers nothing before this time, Unix ms. */
  stalledUntil = 0;
  /** What was done, in order. */
  readonly done: string[] = [];

  constructor(private readonly time: ManualTime) {}

  join(node: NodeRow): Promise<void> {
    return this.answer(`join ${node.incarnation}`, () => {
      this.rows.set(node.incarnation, node);
    });
  }

  beat(incarnation: string, beat: number): Promise<boolean> {
    return this.answer(`beat ${incarnation}`, () => {
      const row = this.rows.get(incarnation);
      if (row !== undefined) this.rows.set(incarnation, { ...row, beat });
      return row !== undefined;
    });
  }

  nodeList(): Promise<readonly NodeRow[]> {
    return this.answer('list', () => [...this.rows.values()]);
  }

  removeNode(incarnation: string, beat: number | undefined): Promise<boolean> {
    return this.answer(`remove ${incarnation}`, () => {
      const row = this.rows.get(incarnation);
      if (row === undefined || (beat !== undefined && row.beat !== beat)) return false;
      return this.rows.delete(incarnation);
    });
  }

  private async answer<T>(what: string, work: () => T): Promise<T> {
    this.done.push(what);
    const trouble = this.troubles.shift();
    if (trouble === 'fail') throw away();
    if (trouble === 'hang') await new Promise(() => undefined);
    if (typeof trouble === 'object') await this.pause(trouble.lasts);
    const stall = this.stalledUntil - this.time.now();
    if (stall > 0) await this.pause(stall);
    const answer = work();
    if (trouble === 'lose the answer') throw away();
    return answer;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.after(ms, resolve));
  }
}

function away(): StoreFailure {
  return new StoreFailure('unknown', 'away');
}

/** What a node was told, in order. */
type Told = 'gone' | 'removed' | `trouble: ${string}`;

function world() {
  const time = new ManualTime();
  const server = new FakeNodes(time);
  const node = (name: string, over: Partial<MembershipDeps> = {}) => {
    const told: Told[] = [];
    const member = new Membership(
      {
        server,
        clock: time,
        scheduler: time,
        nodeTtlMs: TTL,
        where: `host ${name}`,
        format: 1,
        onGone: () => told.push('gone'),
        onRemoved: () => told.push('removed'),
        onTrouble: ({ kind }) => told.push(`trouble: ${kind}`),
        ...over,
      },
      name,
    );
    return { member, told };
  };
  const joined = async (name: string, over: Partial<MembershipDeps> = {}) => {
    const made = node(name, over);
    await made.member.join();
    return made;
  };
  /** A node that joined and never beats: it died at once. */
  const corpse = (name: string, over: Partial<NodeRow> = {}): void => {
    server.rows.set(name, {
      incarnation: name,
      beat: 7,
      where: `host ${name}`,
      format: 1,
      ...over,
    });
  };
  return { time, server, node, joined, corpse, names: () => [...server.rows.keys()] };
}

describe('a node among those that share a store', () => {
  it('joins at once, beats four times in each ttl, and leaves at once (N1, N5)', async () => {
    const { time, server, joined } = world();
    const { member, told } = await joined('a');
    expect(server.rows.get('a')).toEqual({ incarnation: 'a', beat: 1, where: 'host a', format: 1 });
    await time.advance(TTL);
    expect(server.rows.get('a')).toMatchObject({ beat: 5 });
    await member.leave();
    expect(server.rows.size).toBe(0);
    await time.advance(TTL);
    expect({ told, pending: time.pending }).toEqual({ told: [], pending: 0 });
  });

  it('lives beside others for as long as all of them beat (N1)', async () => {
    const { time, joined, names } = world();
    const nodes = [await joined('a'), await joined('b'), await joined('c')];
    await time.advance(60 * TTL);
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(nodes.flatMap(({ told }) => told)).toEqual([]);
  });

  it('removes one whose beat stands still, after a full ttl and no sooner (N1)', async () => {
    const { time, joined, corpse, names } = world();
    corpse('dead');
    const { told } = await joined('a');
    await time.advance(TTL - 1);
    expect(names()).toEqual(['dead', 'a']);
    await time.advance(1);
    expect({ names: names(), told }).toEqual({ names: ['a'], told: ['gone'] });
  });

  it('tells of one that was removed by somebody else, and of one that said goodbye, once each (N5)', async () => {
    const { time, server, joined, corpse } = world();
    const [{ told }, leaver] = [await joined('a'), await joined('b')];
    corpse('c');
    await time.advance(PART);
    server.rows.delete('c');
    await time.advance(PART);
    expect(told).toEqual(['gone']);
    await leaver.member.leave();
    await time.advance(10 * TTL);
    expect(told).toEqual(['gone', 'gone']);
  });

  it('lets one live that beats again in the last moment: the compare-and-set is lost (N1)', async () => {
    const { time, server, joined, corpse, names } = world();
    corpse('late');
    const { told } = await joined('a');
    await time.advance(TTL - 1);
    const list = server.nodeList.bind(server);
    server.nodeList = async () => {
      const nodes = await list();
      corpse('late', { beat: 8 });
      return nodes;
    };
    await time.advance(1);
    expect(server.done).toContain('remove late');
    server.nodeList = list;
    await time.advance(TTL);
    expect({ names: names(), told }).toEqual({ names: ['late', 'a'], told: [] });
  });

  it('two that see the same one dead: one removes it, both are told', async () => {
    const { time, joined, corpse, names } = world();
    corpse('dead');
    const [a, b] = [await joined('a'), await joined('b')];
    await time.advance(TTL + PART);
    expect(names()).toEqual(['a', 'b']);
    expect([a.told, b.told]).toEqual([['gone'], ['gone']]);
  });
});

describe('time that proves nothing (N2)', () => {
  it('a store that stalls for longer than the ttl makes nobody remove anybody', async () => {
    const { time, server, joined, names } = world();
    const nodes = [await joined('a'), await joined('b'), await joined('c')];
    await time.advance(3 * PART);
    for (let stall = 0; stall < 5; stall++) {
      server.stalledUntil = time.now() + 3 * TTL;
      await time.advance(4 * TTL);
    }
    expect(names()).toEqual(['a', 'b', 'c']);
    expect(nodes.flatMap(({ told }) => told)).toEqual([]);
  });

  it('a round that failed sets the counts back', async () => {
    const { time, server, joined, corpse, names } = world();
    corpse('dead');
    const { told } = await joined('a');
    await time.advance(TTL - 1);
    server.troubles.push('fail');
    await time.advance(TTL);
    // The failed round, then one that sees it for the first time, then the ttl.
    expect({ names: names(), told }).toEqual({ names: ['dead', 'a'], told: ['trouble: unknown'] });
    await time.advance(PART + 1);
    expect({ names: names(), told }).toEqual({ names: ['a'], told: ['trouble: unknown', 'gone'] });
  });

  it('a round that took longer than its part sets the counts back', async () => {
    const { time, server, joined, corpse, names } = world();
    corpse('dead');
    await joined('a');
    await time.advance(TTL - 1);
    server.troubles.push({ lasts: PART + 1 });
    await time.advance(1 + PART + 1 + TTL);
    expect(names()).toEqual(['dead', 'a']);
    await time.advance(PART);
    expect(names()).toEqual(['a']);
  });

  it('one that was paused watches everybody anew', async () => {
    const { time, joined, corpse, names } = world();
    corpse('dead');
    await joined('a');
    await time.advance(TTL - 1);
    // What a process sees of a pause: its timers are due, and the wall clock has moved.
    time.jump(60_000);
    await time.advance(TTL);
    expect(names()).toEqual(['dead', 'a']);
    await time.advance(PART);
    expect(names()).toEqual(['a']);
  });

  it('a wall clock that is set forward or back costs time, nobody is removed by it', async () => {
    const { time, joined, names } = world();
    await joined('a');
    await joined('b');
    for (const jump of [3_600_000, -7_200_000]) {
      time.jump(jump);
      await time.advance(3 * TTL);
    }
    expect(names()).toEqual(['a', 'b']);
  });
});

describe('a node that was removed (N3)', () => {
  it('finds out at its next beat, refuses from then on, and never comes back', async () => {
    const { time, server, joined } = world();
    const { member, told } = await joined('a');
    server.rows.delete('a');
    member.check();
    await time.advance(PART);
    expect(() => member.check()).toThrow(
      expect.objectContaining({ kind: 'unavailable', reason: 'removed' }),
    );
    const calls = server.done.length;
    await time.advance(10 * TTL);
    await member.leave();
    expect({ told, pending: time.pending }).toEqual({ told: ['removed'], pending: 0 });
    expect(server.done).toHaveLength(calls);
  });

  it('does not come back by a beat that was under way', async () => {
    const { time, server, joined } = world();
    const { told } = await joined('a');
    server.troubles.push({ lasts: 2 * TTL });
    await time.advance(PART + 1);
    server.rows.delete('a');
    await time.advance(2 * TTL);
    expect({ told, rows: server.rows.size }).toEqual({ told: ['removed'], rows: 0 });
  });

  it('by those who saw it stand still, while the store answered everybody but itself', async () => {
    const { time, server, joined } = world();
    const [a, b] = [await joined('a'), await joined('b')];
    const beat = server.beat.bind(server);
    server.beat = (incarnation, number) => {
      return incarnation === 'a' ? Promise.reject(away()) : beat(incarnation, number);
    };
    await time.advance(2 * TTL);
    expect(b.told).toEqual(['gone']);
    server.beat = beat;
    await time.advance(PART);
    expect(a.told.at(-1)).toBe('removed');
    expect(new Set(a.told.slice(0, -1))).toEqual(new Set(['trouble: unknown']));
  });
});

describe('beats in doubt (N4)', () => {
  it('are no reason to stop: the next one is higher, whether or not the last one counted', async () => {
    const { time, server, joined } = world();
    const { member, told } = await joined('a');
    server.troubles.push('lose the answer');
    await time.advance(PART);
    expect(server.rows.get('a')).toMatchObject({ beat: 2 });
    server.troubles.push('fail');
    await time.advance(2 * PART);
    expect(server.rows.get('a')).toMatchObject({ beat: 4 });
    member.check();
    expect(told).toEqual(['trouble: unknown', 'trouble: unknown']);
  });

  it('a conflict is told to nobody', async () => {
    const { time, server, joined } = world();
    const { told } = await joined('a');
    server.beat = () => Promise.reject(new StoreFailure('transient', 'deadlock'));
    await time.advance(TTL);
    expect(told).toEqual([]);
  });

  it('a join in doubt fails; what it may have left is removed by the others after the ttl', async () => {
    const { time, server, node, joined, names } = world();
    const { told } = await joined('a');
    server.troubles.push('lose the answer');
    await expect(node('ghost').member.join()).rejects.toMatchObject({ kind: 'unknown' });
    expect(names()).toEqual(['a', 'ghost']);
    await time.advance(TTL + PART);
    expect({ names: names(), told }).toEqual({ names: ['a'], told: ['gone'] });
  });

  it('a goodbye that is not answered ends after a second', async () => {
    const { time, server, joined } = world();
    const { member } = await joined('a');
    server.troubles.push('hang');
    let left = false;
    void member.leave().then(() => (left = true));
    await time.advance(999);
    expect(left).toBe(false);
    await time.advance(1);
    expect({ left, pending: time.pending }).toEqual({ left: true, pending: 0 });
  });

  it('a round that ends after the goodbye does nothing more', async () => {
    const { time, server, joined, corpse, names } = world();
    corpse('dead');
    const { member, told } = await joined('a');
    await time.advance(TTL - 1);
    server.troubles.push({ lasts: 50 });
    await time.advance(10);
    await member.leave();
    await time.advance(TTL);
    expect({ names: names(), told, pending: time.pending }).toEqual({
      names: ['dead'],
      told: [],
      pending: 0,
    });
  });
});

describe('the row format', () => {
  it('is the newest one that all live nodes read, from the join on', async () => {
    const { time, joined, corpse } = world();
    corpse('old', { format: 2 });
    const { member } = await joined('a', { format: 3 });
    expect(member.format).toBe(2);
    await time.advance(TTL);
    // It has gone; the next round sees that.
    await time.advance(PART);
    expect(member.format).toBe(3);
    await joined('older', { format: 1 });
    await time.advance(PART);
    expect(member.format).toBe(1);
  });
});
