/** The processes of one measurement, and the measurement itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Configuration, nameOf } from './configurations';
import { BenchProcess } from './processes/bench-process';
import type {
  CoordinatorMark,
  LoadMark,
  LoadPlan,
  Mark,
  ParticipantAddress,
  QuestionsMark,
  Retention,
} from './processes/calls';
import type { RoundResult } from './round-results';
import type { Servers } from './servers';

/** How long a measurement takes. */
export interface Times {
  /** Code gets compiled, connections open: at least this long, */
  readonly warmUpMs: number;
  /** and until so many transactions have ended: slow variants are not to be measured with colder code. */
  readonly warmUpTransactions: number;
  readonly measureMs: number;
}

/** What the whole run shares. */
export interface World {
  /** Folder for databases. */
  readonly scratch: string;
  /** Database servers for coordinators. */
  readonly servers: Servers;
  /** Folder for CPU profiles; undefined = none are written. */
  readonly profileFolder: string | undefined;
  readonly times: Times;
  /** Interleaved rounds of the table, and of each other figure that is a ratio or a median. */
  readonly rounds: number;
  /** A quick run: everything works, no number means anything. */
  readonly quick: boolean;
  /** Tells the person who waits. */
  readonly progress: (line: string) => void;
}

/** A process of participants with their addresses. */
export interface Participants {
  readonly process: BenchProcess<'participants'>;
  readonly addresses: readonly ParticipantAddress[];
}

/** Starts a process that serves a participant on each port; 0 takes a free one. */
export async function startParticipants(
  world: World,
  ports: readonly number[],
): Promise<Participants> {
  const process = new BenchProcess('participants', world.profileFolder);
  return { process, addresses: await process.ask('start', { ports }) };
}

/** What a stage is set with. */
export interface StageOptions {
  readonly configuration: Configuration;
  /** Where the branches of what is measured go. */
  readonly participants: Participants;
  /** Folder of the coordinator's database, which stays. Default: a new one, which goes with the stage. */
  readonly directory?: string;
  /** Default: the product's. */
  readonly retention?: Retention;
  /** Default `begin`. */
  readonly timedFrom?: LoadPlan['timedFrom'];
}

/** A coordinator and a load, connected. */
export interface Stage {
  readonly options: StageOptions;
  readonly coordinator: BenchProcess<'coordinator'> | undefined;
  readonly load: BenchProcess<'load'>;
  /** Undefined = the store has none. */
  readonly server: BenchProcess<'server'> | undefined;
  end(): Promise<void>;
}

/** Runs `act` on a stage, and takes it down whatever happens. */
export async function onStage<T>(
  world: World,
  options: StageOptions,
  act: (stage: Stage) => Promise<T>,
): Promise<T> {
  const stage = await setStage(world, options);
  try {
    return await act(stage);
  } finally {
    await stage.end();
  }
}

async function setStage(world: World, options: StageOptions): Promise<Stage> {
  const { configuration, participants } = options;
  const { variant, store, until, branches } = configuration;
  const scratch = mkdtempSync(join(world.scratch, 'store-'));
  const load = new BenchProcess('load', world.profileFolder);
  const coordinator =
    store === null ? undefined : new BenchProcess('coordinator', world.profileFolder);
  const server = world.servers.of(store);
  const stage: Stage = {
    options,
    coordinator,
    load,
    server,
    async end() {
      await Promise.all([load.end(), coordinator?.end()]);
      await server?.ask('drop');
      rmSync(scratch, { recursive: true, force: true });
    },
  };
  try {
    const database = await server?.ask('database');
    const started = await coordinator?.ask('start', {
      store: store ?? 'memory',
      place: database?.url ?? options.directory ?? scratch,
      deliver: variant === 'unary' ? 'unary' : 'auto',
      retention: options.retention,
    });
    await load.ask('connect', {
      variant,
      until,
      branches,
      coordinator: started?.address ?? '',
      targets: participants.addresses.map(({ target, plainTarget }) =>
        variant === 'bare' ? plainTarget : target,
      ),
      timedFrom: options.timedFrom ?? 'begin',
    });
    return stage;
  } catch (error) {
    await stage.end();
    throw error;
  }
}

/** Concurrent transactions that warm up: one at a time would compile nothing in the time there is. */
const WARM_UP_CONCURRENCY = 64;
/** From the start of the workers to the first counted transaction. */
const SETTLE_MS = 200;
/** Longest times by which warming up, and the window, get longer where little gets done. */
const WARM_UP_MORE_MS_MAX = 4_000;
const WINDOW_MORE_MS_MAX = 60_000;
const LOOK_EVERY_MS = 100;

/** Warms up and measures once. */
export async function measure(world: World, stage: Stage): Promise<RoundResult> {
  await warmUp(world, stage);
  return await measureWarm(world, stage);
}

/** Runs the load for a while, without counting. */
export async function warmUp(world: World, { load, options }: Stage): Promise<void> {
  const { concurrency } = options.configuration;
  await load.ask('start', { concurrency: Math.max(concurrency, WARM_UP_CONCURRENCY) });
  await sleep(world.times.warmUpMs);
  await untilDone(load, world.times.warmUpTransactions, WARM_UP_MORE_MS_MAX);
  await load.ask('stop');
}

/** Measures once. */
export async function measureWarm(world: World, stage: Stage): Promise<RoundResult> {
  const { load, options } = stage;
  await load.ask('start', { concurrency: options.configuration.concurrency });
  await sleep(SETTLE_MS);
  const before = await Promise.all([load.ask('open'), ...marksOf(stage)]);
  await sleep(world.times.measureMs);
  // On a machine that is busy with something else even one transaction of each worker may take longer than that.
  const { concurrency } = options.configuration;
  if (!(await untilDone(load, concurrency, WINDOW_MORE_MS_MAX))) {
    throw new Error(`${nameOf(options.configuration)}: next to nothing got done`);
  }
  const after = await Promise.all([load.ask('close'), ...marksOf(stage)]);
  await load.ask('stop');
  return resultOf(before, after);
}

/** Waits until so many transactions have ended, or the time is over: false. */
async function untilDone(
  load: BenchProcess<'load'>,
  transactions: number,
  timeoutMs: number,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while ((await load.ask('done')) < transactions) {
    if (performance.now() > end) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

function marksOf({
  options,
  coordinator,
  server,
}: Stage): readonly [
  Promise<Mark>,
  Promise<CoordinatorMark | undefined>,
  Promise<QuestionsMark | undefined>,
] {
  return [
    options.participants.process.ask('mark'),
    coordinator?.ask('mark') ?? Promise.resolve(undefined),
    server?.ask('questions') ?? Promise.resolve(undefined),
  ];
}

type Marks<L> = readonly [
  load: L,
  participants: Mark,
  coordinator: CoordinatorMark | undefined,
  server: QuestionsMark | undefined,
];

/** Each process is asked at its own moment: what it used is divided by its own time, and only then compared. */
function resultOf(before: Marks<Mark>, after: Marks<LoadMark>): RoundResult {
  const [load, participants, coordinator, server] = before;
  const [done, participantsAfter, coordinatorAfter, serverAfter] = after;
  const perMs = done.transactions / (done.atMs - load.atMs);
  const cpu = (from: Mark, to: Mark): number =>
    (to.cpuUs - from.cpuUs) / (to.atMs - from.atMs) / perMs;
  const hasCoordinator = coordinator !== undefined && coordinatorAfter !== undefined;
  const commits = hasCoordinator ? coordinatorAfter.commits - coordinator.commits : 0;
  const operations = hasCoordinator ? coordinatorAfter.operations - coordinator.operations : 0;
  return {
    tps: perMs * 1_000,
    p50Ms: done.p50Ms,
    p99Ms: done.p99Ms,
    cpuUsPerTx: {
      load: cpu(load, done),
      coordinator: hasCoordinator ? cpu(coordinator, coordinatorAfter) : 0,
      participants: cpu(participants, participantsAfter),
    },
    opsPerCommit: hasCoordinator ? operations / commits : null,
    statementsPerTx:
      server === undefined || serverAfter === undefined
        ? null
        : (serverAfter.questions - server.questions) / (serverAfter.atMs - server.atMs) / perMs,
  };
}
