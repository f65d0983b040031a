/** Sixteen branches are confirmed in the time of one: phase two calls all of them at once. */
import { base } from '../configurations';
import type { Figure } from '../report/figure';
import { type Participants, type World, measure, onStage } from '../stage';
import { median } from '../statistics';

const BRANCHES = 16;
const CONFIRM_MS = 50;

/** From the moment at which commit is asked for until every Confirm was answered, in the middle of all. */
export async function checkSlowConfirm(
  world: World,
  participants: Participants,
): Promise<readonly Figure[]> {
  world.progress(`${BRANCHES} branches whose Confirm takes ${CONFIRM_MS} ms`);
  const configuration = { ...base, concurrency: 1, branches: BRANCHES };
  await participants.process.ask('behave', { answersAfterMs: CONFIRM_MS });
  const times: number[] = [];
  for (let round = 0; round < world.rounds; round++) {
    const options = { configuration, participants, timedFrom: 'commit' } as const;
    const { p50Ms } = await onStage(world, options, (stage) => measure(world, stage));
    times.push(p50Ms);
  }
  await participants.process.ask('behave', 'answers');
  return [
    {
      check: `${BRANCHES} branches whose Confirm takes ${CONFIRM_MS} ms: commit to executed, p50`,
      value: median(times),
      unit: 'ms',
      target: { atMost: 1.3 * CONFIRM_MS },
    },
  ];
}
