import { expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import type { NodeRow } from './sql-server';
import { watchNodes } from './watch-nodes';

function world(...names: readonly string[]) {
  const time = new ManualTime();
  const rows = new Map<string, NodeRow>(
    names.map((name) => [name, { incarnation: name, beat: 1, where: `host ${name}`, format: 1 }]),
  );
  const beat = (name: string): void => {
    const row = rows.get(name);
    if (row !== undefined) rows.set(name, { ...row, beat: row.beat + 1 });
  };
  const watch = async (withinMs: number): Promise<unknown> => {
    let found: unknown = 'looks';
    const deps = { nodes: async () => [...rows.values()], scheduler: time, nodeTtlMs: 800 };
    void watchNodes(deps).then((nodes) => (found = nodes));
    await time.advance(withinMs);
    return found;
  };
  return { time, rows, beat, watch };
}

it('tells at once that nobody is there', async () => {
  const { watch } = world();
  expect(await watch(0)).toEqual([]);
});

it('tells of those that beat as soon as all have', async () => {
  const { time, beat, watch } = world('b', 'a');
  time.after(50, () => beat('a'));
  time.after(150, () => beat('b'));
  expect(await watch(200)).toEqual([
    { where: 'host a', alive: true },
    { where: 'host b', alive: true },
  ]);
});

it('tells of one that does not beat after the ttl, and leaves out whoever went meanwhile', async () => {
  const { time, rows, beat, watch } = world('alive', 'dead', 'gone');
  time.after(50, () => beat('alive'));
  time.after(700, () => rows.delete('gone'));
  expect(await watch(799)).toBe('looks');
  const again = world('alive', 'dead', 'gone');
  again.time.after(50, () => again.beat('alive'));
  again.time.after(700, () => again.rows.delete('gone'));
  expect(await again.watch(800)).toEqual([
    { where: 'host alive', alive: true },
    { where: 'host dead', alive: false },
  ]);
});
