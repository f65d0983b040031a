/**
 * What retention costs: throughput while everything that finishes becomes a tombstone half a second later, and is removed half a
 * second after that, against throughput without it. That it keeps up is measured beside it.
 */
import { type StoreKind, base } from '../configurations';
import type { CoordinatorMark, Retention } from '../processes/calls';
import type { Figure } from '../report/figure';
import { type Participants, type Stage, type World, measureWarm, onStage, warmUp } from '../stage';
import { median } from '../statistics';

const retention: Retention = { retentionMs: 500, idempotencyWindowMs: 1_000 };
/** Operations of a whole transaction: opening, decision, completion. */
const OPERATIONS = 3;
/** Where nothing is due it is looked again about a second later, and then that second has to be worked off. */
const LATE_S_MAX = 2;

interface Round {
  readonly without: number;
  readonly beside: number;
  /** How much later than due tombstones are made or removed at the end, whichever is later, seconds. */
  readonly lateS: number;
}

/** SQLite, and the servers that run; with and without in turn. */
export async function checkRetention(
  world: World,
  participants: Participants,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const store of ['sqlite', ...world.servers.kinds] as const) {
    figures.push(...(await figuresOf(world, participants, store)));
  }
  return figures;
}

async function figuresOf(
  world: World,
  participants: Participants,
  store: StoreKind,
): Promise<readonly Figure[]> {
  const configuration = { ...base, store };
  const rounds: Round[] = [];
  for (let round = 1; round <= world.rounds; round++) {
    const options = { configuration, participants };
    const without = await onStage(world, options, async (stage) => {
      await warmUp(world, stage);
      return (await measureWarm(world, stage)).tps;
    });
    const beside = await onStage(world, { ...options, retention }, (stage) =>
      expiring(world, stage),
    );
    rounds.push({ without, ...beside });
    const [tps, most] = [beside.beside, without].map((each) =>
      Math.round(each).toLocaleString('en-US'),
    );
    world.progress(
      `round ${round} of ${world.rounds}: retention on ${store}: ${tps} per second, ${most} without`,
    );
  }
  const ratio = median(rounds.map((one) => one.beside)) / median(rounds.map((one) => one.without));
  const lateS = median(rounds.map((one) => one.lateS));
  const title = `${store}, retention keeps up`;
  return [
    {
      check: `${title}: throughput against without`,
      value: ratio,
      unit: '×',
      target: { atLeast: 0.8 },
    },
    {
      check: `${title}: tombstones later than due`,
      value: lateS,
      unit: 's',
      target: { atMost: LATE_S_MAX },
    },
  ];
}

async function expiring(world: World, stage: Stage): Promise<Omit<Round, 'without'>> {
  await warmUp(world, stage);
  const { tps } = await measureWarm(world, stage);
  const mark = await stage.coordinator?.ask('mark');
  if (mark === undefined) throw new Error('bug: there is no coordinator');
  return { beside: tps, lateS: latenessOf(mark, tps) };
}

/** What is still there, as time at the present rate, beyond the time for which it should be. */
function latenessOf({ operations, expired, forgotten }: CoordinatorMark, tps: number): number {
  const finished = operations / OPERATIONS;
  const { retentionMs, idempotencyWindowMs } = retention;
  const whole = (finished - expired) / tps - retentionMs / 1_000;
  const buried = (finished - forgotten) / tps - idempotencyWindowMs / 1_000;
  return Math.max(0, whole, buried);
}
