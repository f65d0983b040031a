/** Two coordinators on one store against one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CONCURRENT_MANY, type ServerStore, base } from '../configurations';
import type { Figure } from '../report/figure';
import type { Participants, World } from '../stage';
import { median } from '../statistics';
import { SharedStore } from './shared-store';

const WARM_UP_MS = 2_500;
const WARM_UP_QUICK_MS = 300;
/** Two loads in both cases, so that only the coordinators differ. */
const LOADS = 2;

/** Throughput of two, of one, and the ratio; rounds of each in turn. */
export async function checkTwoCoordinators(
  world: World,
  store: ServerStore,
  participants: Participants,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const concurrency of [base.concurrency, CONCURRENT_MANY]) {
    const ones: number[] = [];
    const twos: number[] = [];
    for (let round = 1; round <= world.rounds; round++) {
      ones.push(await throughput(1, concurrency));
      twos.push(await throughput(2, concurrency));
      const told = [ones, twos].map((all) => `${Math.round(all.at(-1) ?? 0)} per second`);
      world.progress(`${concurrency} concurrent: one ${told[0]}, two ${told[1]}`);
    }
    const title = `${store}, ${concurrency} concurrent, everything on streams`;
    figures.push(
      { check: `${title}: one coordinator`, value: median(ones), unit: 'per second' },
      { check: `${title}: two coordinators`, value: median(twos), unit: 'per second' },
      { check: `${title}: two against one`, value: median(twos) / median(ones), unit: '×' },
    );
  }
  return figures;

  async function throughput(coordinators: number, concurrency: number): Promise<number> {
    return await SharedStore.with(world, store, async (shared) => {
      const nodes = [];
      for (let n = 0; n < coordinators; n++) nodes.push(await shared.node());
      const targets = participants.addresses.map(({ target }) => target);
      const loads = [];
      for (let n = 0; n < LOADS; n++) {
        loads.push(await shared.load(nodes.slice(n % coordinators).slice(0, 1), targets));
      }
      const share = concurrency / LOADS;
      await Promise.all(loads.map((load) => load.ask('start', { concurrency: share })));
      await sleep(world.quick ? WARM_UP_QUICK_MS : WARM_UP_MS);
      const opened = await Promise.all(loads.map((load) => load.ask('open')));
      await sleep(world.times.measureMs);
      const closed = await Promise.all(loads.map((load) => load.ask('close')));
      await Promise.all(loads.map((load) => load.ask('stop')));
      const perSecond = closed.map(({ transactions, atMs }, i) => {
        return (transactions * 1_000) / (atMs - (opened[i]?.atMs ?? 0));
      });
      return perSecond.reduce((sum, one) => sum + one, 0);
    });
  }
}
