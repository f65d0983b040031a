/** The whole benchmark: interleaved rounds of every configuration, then the other figures. */
import { checkFinishedStore } from './checks/finished-store';
import { checkHanging } from './checks/hanging';
import { checkMessages } from './checks/messages';
import { publishedFigures } from './checks/published-ratios';
import { checkRetention } from './checks/retention';
import { checkReturning } from './checks/returning';
import { serverFigures } from './checks/server-figures';
import { checkSlowConfirm } from './checks/slow-confirm';
import { timeCommits } from './commit';
import { type Configuration, nameOf, serverKinds } from './configurations';
import type { Figure } from './report/figure';
import type { MeasuredRow } from './report/rows';
import { type Measured, type RoundResult, rowsOf } from './round-results';
import { type Participants, type World, measure, onStage, startParticipants } from './stage';
import { median, rounded } from './statistics';

/** What a run found out. */
export interface Findings {
  readonly rows: readonly MeasuredRow[];
  readonly figures: readonly Figure[];
}

/** Measurements beside the table, in their order. */
const checks = {
  'slow-confirm': checkSlowConfirm,
  hanging: checkHanging,
  returning: checkReturning,
  'finished-store': checkFinishedStore,
  retention: checkRetention,
  messages: checkMessages,
} as const satisfies Readonly<Record<string, Check>>;

type Check = (
  world: World,
  participants: Participants,
) => readonly Figure[] | Promise<readonly Figure[]>;

/** Name of such a measurement. */
export type CheckName = keyof typeof checks;

/** All of them. */
export const checkNames = Object.keys(checks) as readonly CheckName[];

/** What is measured. */
export interface Programme {
  readonly configurations: readonly Configuration[];
  /** Whether durable commits are timed, and the figures taken that are read off the table. */
  readonly published: boolean;
  readonly checks: readonly CheckName[];
  /** Whether a run without one of its servers is none. */
  readonly serversNeeded: boolean;
}

/** Starts the servers that rows need. What cannot be had is told, and leaves its rows out unless it has to be there. */
async function startServers(
  { servers, progress }: World,
  { configurations, serversNeeded }: Programme,
): Promise<readonly Configuration[]> {
  let kept = configurations;
  for (const kind of serverKinds) {
    if (!kept.some(({ store }) => store === kind)) continue;
    const missing = await servers.start(kind);
    const text = `no ${kind}: ${missing.join('; ')}`;
    if (missing.length > 0 && serversNeeded) throw new Error(text);
    progress(missing.length > 0 ? `${text}; its rows are left out` : `${kind} runs`);
    if (missing.length > 0) kept = kept.filter(({ store }) => store !== kind);
  }
  return kept;
}

/** Durable commits that are timed in each round. */
const COMMITS = 100;
const GROUP = 64;

/** Runs everything, one thing after the other. */
export async function runSuite(world: World, programme: Programme): Promise<Findings> {
  const configurations = await startServers(world, programme);
  const participants = await startParticipants(world, [0, 0]);
  try {
    const run = { ...programme, configurations };
    const { rows, commits, measured } = await runRounds(world, run, participants);
    const figures = commits === undefined ? [] : tableFigures(rows, commits);
    figures.push(...serverFigures(measured));
    for (const name of programme.checks) {
      figures.push(...(await checks[name](world, participants)));
    }
    return { rows, figures };
  } finally {
    await participants.process.end();
    await world.servers.end();
  }
}

/** Medians of durable commits, milliseconds: of one operation, and of many. */
interface CommitTimes {
  readonly singleMs: number;
  readonly groupMs: number;
}

function tableFigures(rows: readonly MeasuredRow[], { singleMs, groupMs }: CommitTimes): Figure[] {
  return [
    ...publishedFigures(rows, singleMs),
    { check: 'one durable commit of 1 opening, p50', value: singleMs, unit: 'ms' },
    { check: `one durable commit of ${GROUP} openings, p50`, value: groupMs, unit: 'ms' },
  ];
}

interface Rounds {
  readonly rows: readonly MeasuredRow[];
  readonly measured: readonly Measured[];
  /** Undefined = not asked for. */
  readonly commits: CommitTimes | undefined;
}

async function runRounds(
  world: World,
  { configurations, published }: Programme,
  participants: Participants,
): Promise<Rounds> {
  const { scratch, rounds } = world;
  const measured = configurations.map((configuration) => {
    return { configuration, rounds: [] as RoundResult[] };
  });
  const single: number[] = [];
  const grouped: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    if (published) {
      single.push(median(await timeCommits({ scratch, openings: 1, commits: COMMITS })));
      grouped.push(median(await timeCommits({ scratch, openings: GROUP, commits: COMMITS })));
    }
    for (const { configuration, rounds: results } of measured) {
      const options = { configuration, participants };
      const result = await onStage(world, options, (stage) => measure(world, stage));
      results.push(result);
      const tps = rounded(result.tps, 0).toLocaleString('en-US');
      world.progress(`round ${round} of ${rounds}: ${nameOf(configuration)}: ${tps} per second`);
    }
  }
  const commits = published ? { singleMs: median(single), groupMs: median(grouped) } : undefined;
  return { rows: rowsOf(measured), measured, commits };
}
