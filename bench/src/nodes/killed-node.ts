/** One of three coordinators is killed under load: how soon what it left has settled. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStore } from '../configurations';
import type { Figure } from '../report/figure';
import { type Participants, type World, startParticipants } from '../stage';
import { SharedStore } from './shared-store';

const TTL_MS = 1_000;
const CONCURRENCY = 64;
const WARM_UP_MS = 3_000;
/** Committed transactions of the killed one that wait for a participant, besides those of the load. */
const WAITING = 300;
const WAITING_QUICK = 30;
const WITHIN_MS = 60_000;

/** From the kill until the last transaction that the killed one owned has settled. */
export async function checkKilledNode(
  world: World,
  store: ServerStore,
  participants: Participants,
): Promise<readonly Figure[]> {
  const count = world.quick ? WAITING_QUICK : WAITING;
  world.progress(`one of three coordinators is killed, ${count} transactions wait on it`);
  const waiting = await startParticipants(world, [0, 0]);
  await waiting.process.ask('behave', 'hangs');
  try {
    return await SharedStore.with(world, store, async (shared) => {
      const nodes = [];
      for (let n = 0; n < 3; n++) nodes.push(await shared.node(TTL_MS));
      const [doomed, ...others] = nodes;
      if (doomed === undefined) throw new Error('bug: there is no node');
      const itsOwn = await shared.load([doomed], targetsOf(waiting));
      const loads = [
        await shared.load([doomed, ...others], targetsOf(participants)),
        await shared.load([...others, doomed], targetsOf(participants)),
      ];
      const concurrency = CONCURRENCY / loads.length;
      await Promise.all(loads.map((load) => load.ask('start', { concurrency })));
      await itsOwn.ask('hold', { group: 'waiting', count, targets: targetsOf(waiting) });
      await itsOwn.ask('release', { group: 'waiting' });
      await sleep(WARM_UP_MS);
      const owner = await ownerOfMost(shared);
      await doomed.process.kill();
      const killedAt = performance.now();
      await waiting.process.ask('behave', 'answers');
      const left = await gidsOf(shared, owner);
      await shared.settled(0, { where: `gid IN (${left.join(',')})`, withinMs: WITHIN_MS });
      const seconds = (performance.now() - killedAt) / 1_000;
      // The load went on all the time: a run that failed would be told here.
      await Promise.all(loads.map((load) => load.ask('stop')));
      world.progress(`${left.length} were left, settled after ${seconds.toFixed(2)} s`);
      const title = `${store}, 3 coordinators, ttl 1 s, ${CONCURRENCY} concurrent, one killed`;
      return [
        { check: `${title}: transactions that it left`, value: left.length, unit: 'transactions' },
        {
          check: `${title}: until all that it left had settled`,
          value: seconds,
          unit: 's',
          target: { atMost: (2 * TTL_MS) / 1_000 + 5 },
        },
      ];
    });
  } finally {
    await waiting.process.end();
  }
}

function targetsOf({ addresses }: Participants): readonly string[] {
  return addresses.map(({ target }) => target);
}

/** Who has the waiting ones: nobody else has nearly as many. */
async function ownerOfMost(shared: SharedStore): Promise<string> {
  const rows = await shared.query(
    'SELECT open_owner, COUNT(*) AS rows_found FROM transactions WHERE open_owner IS NOT NULL' +
      ' GROUP BY open_owner ORDER BY rows_found DESC LIMIT 1',
  );
  return String(rows[0]?.['open_owner']);
}

async function gidsOf(shared: SharedStore, owner: string): Promise<readonly string[]> {
  const rows = await shared.query(`SELECT gid FROM transactions WHERE open_owner = '${owner}'`);
  return rows.map(({ gid }) => `'${String(gid)}'`);
}
