/** A coordinator is killed with thousands of unfinished transactions, and a participant dies with it. */
import type { ServerStore } from '../configurations';
import type { Figure } from '../report/figure';
import { type World, startParticipants } from '../stage';
import { SharedStore } from './shared-store';

const UNFINISHED = 10_000;
const UNFINISHED_QUICK = 300;
const GROUPS = 10;
/** Of each group, one in so many has a branch at the participant that dies. */
const DEAD_SHARE = 3;
const TARGET_S = 30;
const WITHIN_MS = 120_000;

/** From the first coordinator's readiness until all transactions have settled that need nothing of the dead participant. */
export async function checkCrash(world: World, store: ServerStore): Promise<readonly Figure[]> {
  const unfinished = world.quick ? UNFINISHED_QUICK : UNFINISHED;
  const text = unfinished.toLocaleString('en-US');
  world.progress(`${text} unfinished transactions, killed, one of three participants dead`);
  const living = await startParticipants(world, [0, 0]);
  const dying = await startParticipants(world, [0]);
  try {
    await living.process.ask('behave', 'hangs');
    await dying.process.ask('behave', 'hangs');
    const [first = '', second = ''] = living.addresses.map(({ target }) => target);
    const dead = dying.addresses[0]?.target ?? '';
    return await SharedStore.with(world, store, async (shared) => {
      const killed = await shared.node();
      const load = await shared.load([killed], [first, second]);
      const perGroup = unfinished / GROUPS;
      const withDead = Math.floor(perGroup / DEAD_SHARE);
      for (let n = 0; n < GROUPS; n++) {
        for (const [group, count, targets] of [
          [`dead-${n}`, withDead, [first, dead]],
          [`others-${n}`, perGroup - withDead, [first, second]],
        ] as const) {
          await load.ask('hold', { group, count, targets });
          await load.ask('release', { group });
        }
      }
      const left = await shared.unfinished();
      await Promise.all([killed.process.kill(), dying.process.kill()]);
      await living.process.ask('behave', 'answers');
      await shared.node();
      const readyAt = performance.now();
      world.progress(`${left} were left; a coordinator is ready again`);
      await shared.settled(withDead * GROUPS, { withinMs: WITHIN_MS });
      const seconds = (performance.now() - readyAt) / 1_000;
      const title = `${store}, ${text} unfinished transactions after a kill, a third of them with a branch at a dead participant`;
      return [
        {
          check: `${title}: until all others had settled (default ttl)`,
          value: seconds,
          unit: 's',
          target: { atMost: TARGET_S },
        },
      ];
    });
  } finally {
    await Promise.all([living.process.end(), dying.process.end()]);
  }
}
