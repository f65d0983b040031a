/**
 * Seeded random runs of several coordinators on one store: every command goes to any of them; nodes are taken for dead while they
 * live, paused in the middle of a batch and go on as zombies, killed, and started; writes, reads and claims fail, answers are lost.
 * A failing seed is printed; `TERCET_SEED=n` runs it alone, `TERCET_SEEDS=n` the first n.
 */
import { describe, expect, it } from '@jest/globals';
import type { Gid } from '@tercet/core';
import { NodesSimulation } from './support/nodes-simulation';

async function simulate(seed: number): Promise<NodesSimulation> {
  const sim = new NodesSimulation(seed);
  for (const name of ['n1', 'n2', 'n3'].slice(0, 2 + sim.below(2))) await sim.boot(name);
  const gids = Array.from({ length: 12 }, (_, i) => `order-${i}` as Gid);
  for (const gid of gids) sim.time.after(sim.below(4_000), () => void sim.initiator(gid));
  for (let turn = 0; turn < 40; turn++) {
    if (sim.chance(0.4)) sim.injectFault();
    if (sim.chance(0.15)) sim.pause();
    if (sim.chance(0.1)) sim.remove();
    if (sim.chance(0.05)) await sim.kill();
    for (let i = sim.below(3); i > 0; i--) sim.bother(gids[sim.below(gids.length)] as Gid);
    await sim.time.advance(sim.below(300));
    sim.watch();
  }
  sim.healthy = true;
  for (let turn = 0; turn < 36; turn++) {
    await sim.time.advance(5_000);
    sim.watch();
  }
  for (const gid of gids) check(sim, gid);
  for (const node of sim.nodes) {
    sim.count.lives += node.names.length;
    const { engine } = node.lives.present;
    // Everybody serves, and nothing is left anywhere of what is over.
    expect([engine?.residentCount, engine?.absentCount]).toEqual([0, 0]);
    expect(engine?.unfinished).toEqual({ undecided: 0, targets: 0 });
    expect(node.logger.lines.filter((line) => isSurprise(line.fields, line.message))).toEqual([]);
  }
  return sim;
}

/** To be taken for dead, and a store that fails, are played; nothing else may alarm anybody. */
function isSurprise(fields: Readonly<Record<string, unknown>>, message: string): boolean {
  const played = /took this one for dead|the store takes no writes|branch is/;
  return fields['alert'] !== undefined && !played.test(message);
}

function check(sim: NodesSimulation, gid: Gid): void {
  const tx = sim.shared.rows.get(gid)?.tx;
  const phases = ['1', '2', '3'].map((id) => [...(sim.effects.get(`${gid}/${id}`) ?? [])]);
  if (tx === undefined) {
    expect(sim.told.get(gid)).toBeUndefined();
    expect(phases).toEqual([[], [], []]);
    return;
  }
  // I6: it settled. I2: all branches alike. I1: one kind of call each. I3, I5: what was told holds.
  expect(['confirmed', 'cancelled']).toContain(tx.status);
  expect(new Set(tx.branches.map(({ status }) => status))).toEqual(new Set([tx.status]));
  const phase = tx.status === 'confirmed' ? 'confirm' : 'cancel';
  expect(phases.slice(0, tx.branches.length)).toEqual(tx.branches.map(() => [phase]));
  expect(phases.slice(tx.branches.length).flat()).toEqual([]);
  if (sim.told.has(gid)) expect(tx.status).toBe(sim.told.get(gid));
  expect(sim.changed).toEqual([]);
}

describe('several coordinators under random faults', () => {
  const only = process.env['TERCET_SEED'];
  const runs = Number(process.env['TERCET_SEEDS'] ?? 12);
  const seeds = only === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(only)];

  it('keep I1, I2, I3, I5, I6 and I8 in every seeded run', async () => {
    const total = { told: 0, kills: 0, pauses: 0, removals: 0, lives: 0 };
    for (const seed of seeds) {
      const sim = await simulate(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed} failed: ${String(error)}`, { cause: error });
      });
      expect(sim.asking.size).toBe(0);
      total.told += sim.told.size;
      total.kills += sim.count.kills;
      total.pauses += sim.count.pauses;
      total.removals += sim.count.removals;
      total.lives += sim.count.lives;
    }
    if (only !== undefined) return;
    // The runs must have been worth something.
    expect(total.told).toBeGreaterThan(seeds.length * 7);
    expect(total.kills).toBeGreaterThan(seeds.length);
    expect(total.pauses).toBeGreaterThan(seeds.length * 3);
    expect(total.removals).toBeGreaterThan(seeds.length * 2);
    expect(total.lives).toBeGreaterThan(seeds.length * 8);
  });
});
