/**
 * Seeded random runs of the whole engine on the memory store: faults of the store at every write, crashes at any
 * moment, stops in good order, reads that fail, participants that fail, park, answer late or lose their answers, targets
 * that nobody reaches, operators who retry, resume and resolve, those who wait, hooks that break, a wall clock that
 * jumps, little room in memory, initiators that register in steps and repeat what was not answered. A failing seed is
 * printed; `TERCET_SEED=n` runs it alone, `TERCET_SEEDS=n` the first n.
 */
import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalTransaction } from '@tercet/core';
import { Simulation } from './support/engine-simulation';

async function simulate(seed: number): Promise<Simulation> {
  const sim = new Simulation(seed);
  await sim.boot();
  const gids = Array.from({ length: 12 }, (_, i) => `order-${i}` as Gid);
  // One after another, so that some open while others are on their way out of memory.
  for (const gid of gids) sim.time.after(sim.below(4_000), () => void sim.initiator(gid));
  for (let turn = 0; turn < 30; turn++) {
    if (sim.chance(0.5)) sim.injectFault();
    if (sim.chance(0.1)) await sim.crash();
    if (sim.chance(0.05)) await sim.restart();
    if (sim.chance(0.3)) await sim.operator();
    for (let i = sim.below(6); i > 0; i--) sim.retrySoon(anyOf(sim, gids));
    if (sim.chance(0.3)) sim.wait(anyOf(sim, gids));
    if (sim.chance(0.1)) sim.time.jump(sim.below(10_000));
    if (sim.chance(0.2)) sim.cut = !sim.cut;
    await sim.time.advance(sim.below(400));
  }
  sim.healthy = true;
  // Calls under way may still park a branch: an operator looks again.
  for (let minute = 0; minute < 6; minute++) {
    await sim.time.advance(60_000);
    await sim.resumeAll();
  }
  await sim.time.advance(60_000);
  for (const gid of gids) check(sim, gid, await sim.memory.load(gid));
  // Admission: what is over counts no more (A1, A2), whatever has happened on the way.
  expect(sim.unfinished).toEqual({ undecided: 0, targets: 0 });
  // Nothing is left of what is over, and nobody waits for ever.
  expect([sim.residentCount, sim.absentCount, sim.unanswered]).toEqual([0, 0, 0]);
  expect(sim.doubled).toEqual([]);
  return sim;
}

function anyOf(sim: Simulation, gids: readonly Gid[]): Gid {
  return gids[sim.below(gids.length)] as Gid;
}

function check(sim: Simulation, gid: Gid, tx: GlobalTransaction | undefined): void {
  const phases = ['1', '2', '3'].map((id) => [...(sim.effects.get(`${gid}/${id}`) ?? [])]);
  if (tx === undefined) {
    expect(sim.told.get(gid)).toBeUndefined();
    expect(phases).toEqual([[], [], []]);
    return;
  }
  // I6: it settled. I2: all branches alike. I1: one kind of call each. I3, I5: what was told holds.
  expect(['confirmed', 'cancelled']).toContain(tx.status);
  expect(new Set(tx.branches.map((branch) => branch.status))).toEqual(new Set([tx.status]));
  const phase = tx.status === 'confirmed' ? 'confirm' : 'cancel';
  // A branch that an operator vouched for may never have been called.
  tx.branches.forEach(({ verdict }, i) => {
    expect(verdict !== undefined && phases[i]?.length === 0 ? [phase] : phases[i]).toEqual([phase]);
  });
  expect(sim.early).toEqual([]);
  if (sim.told.has(gid)) expect(tx.status).toBe(sim.told.get(gid));
}

describe('the engine under random faults', () => {
  const only = process.env['TERCET_SEED'];
  const runs = Number(process.env['TERCET_SEEDS'] ?? 40);
  const seeds = only === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(only)];

  it('keeps I1, I2, I3, I5 and I6 in every seeded run', async () => {
    const total = { told: 0, crashes: 0, faults: 0, parked: 0 };
    for (const seed of seeds) {
      const sim = await simulate(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed} failed: ${String(error)}`, { cause: error });
      });
      total.told += sim.told.size;
      total.crashes += sim.crashes;
      total.faults += sim.faults;
      total.parked += sim.parked;
    }
    // The runs must have been worth something: answers were given, crashes and faults did happen.
    if (only !== undefined) return;
    expect(total.told).toBeGreaterThan(seeds.length * 8);
    expect(total.crashes).toBeGreaterThan(seeds.length);
    expect(total.faults).toBeGreaterThan(seeds.length * 10);
    expect(total.parked).toBeGreaterThan(seeds.length);
  });
});
