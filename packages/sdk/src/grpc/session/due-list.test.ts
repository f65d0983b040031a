import { describe, expect, it } from '@jest/globals';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import { type Due, DueList } from './due-list';

interface Item extends Due {
  readonly name: string;
}

function item(name: string): Item {
  return { name, dueTick: -1, dueBefore: undefined, dueAfter: undefined };
}

function aList(): { time: ManualTime; list: DueList<Item>; over: string[] } {
  const time = new ManualTime();
  const over: string[] = [];
  const list = new DueList<Item>({
    scheduler: time,
    clock: time,
    over: ({ name }) => over.push(name),
  });
  return { time, list, over };
}

describe('DueList', () => {
  it('D1: ends each item after its time, never before and at most 50 ms later', async () => {
    const { time, list } = aList();
    const ended = new Map<string, number>();
    const exact = new DueList<Item>({
      scheduler: time,
      clock: time,
      over: ({ name }) => ended.set(name, time.now()),
    });
    const random = new SeededRandom(5);
    const wanted = new Map<string, number>();
    for (let i = 0; i < 200; i++) {
      const ms = Math.floor(random.unit() * 30_000);
      wanted.set(`${i}`, time.now() + ms);
      exact.add(item(`${i}`), ms);
      await time.advance(Math.floor(random.unit() * 60));
    }
    await time.advance(30_100);
    expect(ended.size).toBe(200);
    for (const [name, at] of wanted) {
      expect((ended.get(name) ?? 0) - at).toBeGreaterThanOrEqual(0);
      expect((ended.get(name) ?? 0) - at).toBeLessThanOrEqual(50);
    }
    expect(time.pending).toBe(0);
    list.close();
  });

  it('keeps the others where one is taken out, in whatever order', async () => {
    for (const out of ['a', 'b', 'c']) {
      const { time, list, over } = aList();
      const items = ['a', 'b', 'c'].map(item);
      for (const each of items) list.add(each, 100);
      const taken = items.find(({ name }) => name === out) as Item;
      list.remove(taken);
      list.remove(taken);
      await time.advance(200);
      expect(over.toSorted()).toEqual(['a', 'b', 'c'].filter((name) => name !== out));
      expect(time.pending).toBe(0);
    }
  });

  it('tells what is left', async () => {
    const { time, list } = aList();
    const one = item('one');
    list.add(one, 1_000);
    expect(list.leftMs(one)).toBeGreaterThanOrEqual(1_000);
    await time.advance(900);
    expect(list.leftMs(one)).toBeGreaterThanOrEqual(100);
    expect(list.leftMs(one)).toBeLessThanOrEqual(150);
    list.close();
  });

  it('D2: a jump of the wall clock moves a deadline by a second at most, a clock put back by nothing', async () => {
    const { time, list, over } = aList();
    list.add(item('forth'), 5_000);
    time.jump(3_600_000);
    await time.advance(3_900);
    expect(over).toEqual([]);
    await time.advance(200);
    expect(over).toEqual(['forth']);
    list.add(item('back'), 5_000);
    time.jump(-3_600_000);
    await time.advance(4_900);
    expect(over).toEqual(['forth']);
    await time.advance(150);
    expect(over).toEqual(['forth', 'back']);
    list.close();
  });

  it('D2: a sweep that is late makes up for it, and takes nothing that was added meanwhile too early', async () => {
    const { time, list, over } = aList();
    list.add(item('old'), 500);
    // The event loop was blocked: the clock went on, no timer ran.
    time.jump(490);
    list.add(item('new'), 400);
    await time.advance(60);
    expect(over).toEqual(['old']);
    await time.advance(330);
    expect(over).toEqual(['old']);
    await time.advance(60);
    expect(over).toEqual(['old', 'new']);
    list.close();
  });

  it('D3: stops its timer when nothing is left, or at once when it is closed', async () => {
    const { time, list, over } = aList();
    const one = item('one');
    list.add(one, 10_000);
    list.remove(one);
    await time.advance(25);
    expect(time.pending).toBe(0);
    list.add(one, 10_000);
    list.close();
    expect(time.pending).toBe(0);
    await time.advance(20_000);
    expect(over).toEqual([]);
  });

  it('lets whoever hears of an end take others out and put new ones in', async () => {
    const time = new ManualTime();
    const over: string[] = [];
    const a = item('a');
    const b = item('b');
    const list: DueList<Item> = new DueList<Item>({
      scheduler: time,
      clock: time,
      over: ({ name }) => {
        over.push(name);
        list.remove(a);
        list.remove(b);
        if (over.length === 1) list.add(item('c'), 50);
      },
    });
    list.add(a, 100);
    list.add(b, 100);
    await time.advance(1_000);
    expect(over).toHaveLength(3);
    expect(over.at(-1)).toBe('c');
    expect(time.pending).toBe(0);
  });
});
