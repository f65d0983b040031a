/** A participant that comes back gets its work soon, whoever else hangs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { base } from '../configurations';
import type { Figure } from '../report/figure';
import { type Participants, type World, onStage, startParticipants } from '../stage';

const COUNT = 300;
const AWAY_MS = 5_000;
/** A quick run only sees whether it works. */
const COUNT_QUICK = 30;
const AWAY_QUICK_MS = 1_000;
const SETTLED_WITHIN_MS = 120_000;

/** From the return of the participant until the last of its transactions is settled. */
export async function checkReturning(
  world: World,
  participants: Participants,
): Promise<readonly Figure[]> {
  const count = world.quick ? COUNT_QUICK : COUNT;
  const awayMs = world.quick ? AWAY_QUICK_MS : AWAY_MS;
  const title = `${count} wait for a hanging participant, ${count} for one that was away for ${awayMs / 1_000} s`;
  world.progress(title);
  const hanging = await startParticipants(world, [0]);
  const away = await startParticipants(world, [0]);
  const first = participants.addresses[0]?.target ?? '';
  const hangingTarget = hanging.addresses[0]?.target ?? '';
  const awayTarget = away.addresses[0]?.target ?? '';
  await hanging.process.ask('behave', 'hangs');
  const story = await onStage(world, { configuration: base, participants }, async ({ load }) => {
    await load.ask('hold', { group: 'hanging', count, targets: [first, hangingTarget] });
    await load.ask('release', { group: 'hanging' });
    await load.ask('hold', { group: 'away', count, targets: [first, awayTarget] });
    await away.process.kill();
    await load.ask('release', { group: 'away' });
    await sleep(awayMs);
    const settling = load.ask('settled', { group: 'away', timeoutMs: SETTLED_WITHIN_MS });
    const returned = await startParticipants(world, [Number(awayTarget.split(':').at(-1))]);
    const from = performance.now();
    const { settled } = await settling;
    const seconds = (performance.now() - from) / 1_000;
    await returned.process.end();
    return { settled, seconds };
  });
  await hanging.process.end();
  return [
    {
      check: `${title}: settled after its return`,
      value: story.settled,
      unit: `of ${count}`,
      target: { atLeast: count },
    },
    {
      check: `${title}: until they settled`,
      value: story.seconds,
      unit: 's',
      target: { atMost: 20 },
    },
  ];
}
