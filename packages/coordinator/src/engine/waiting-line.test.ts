import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type InLine, WaitingLine } from './waiting-line';

interface Item extends InLine {
  readonly name: number;
}

function anItem(name: number): Item {
  return { name, place: undefined };
}

describe('WaitingLine', () => {
  it('does what a plain list would do, and tells each item once as news', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant('add' as const) },
        fc.constant('take' as const),
        fc.constant('news' as const),
        fc.nat(200),
      ),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const line = new WaitingLine<Item>();
        const items: Item[] = [];
        let list: Item[] = [];
        let told: Item[] = [];
        for (const step of all) {
          if (step === 'add') {
            const item = anItem(items.length);
            items.push(item);
            list.push(item);
            line.add(item);
          } else if (step === 'take') {
            expect(line.take()).toBe(list.shift());
          } else if (step === 'news') {
            expect(line.takeNews()).toEqual(list.filter((item) => !told.includes(item)));
            told = [...list];
          } else {
            const item = items[step] ?? anItem(-1);
            expect(line.remove(item)).toBe(list.includes(item));
            list = list.filter((other) => other !== item);
          }
          expect(line.size).toBe(list.length);
          expect(line.held).toBeLessThanOrEqual(2 * list.length + 64);
        }
        expect(items.filter((item) => line.has(item))).toEqual(list);
      }),
    );
  });

  it('remembers who was told when it closes its gaps', () => {
    const line = new WaitingLine<Item>();
    const items = Array.from({ length: 200 }, (_, name) => anItem(name));
    for (const item of items) line.add(item);
    line.takeNews();
    const late = anItem(200);
    line.add(late);
    for (const item of items.slice(0, 190)) line.remove(item);
    expect(line.held).toBeLessThan(200);
    expect(line.takeNews()).toEqual([late]);
    expect(line.takeNews()).toEqual([]);
  });

  it('stays quick and small however long it gets and wherever items leave', () => {
    const line = new WaitingLine<Item>();
    const items = Array.from({ length: 100_000 }, (_, name) => anItem(name));
    for (const item of items) line.add(item);
    for (const item of items.slice(0, 60_000)) line.remove(item);
    expect(line.take()).toBe(items[60_000]);
    for (let item = line.take(); item !== undefined; item = line.take()) continue;
    expect(line.held).toBe(0);
  });
});
