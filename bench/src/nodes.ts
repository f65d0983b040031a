/**
 * `npm run bench:nodes`: several coordinators on one database: how soon the work of a killed one settles, how soon thousands of
 * unfinished transactions do after a crash, and what a second coordinator brings. Table on stdout, progress on stderr;
 * `--json FILE` writes the rows for programs. A figure that misses its target is no failure.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ServerStore, serverKinds } from './configurations';
import { makeScratch } from './disk';
import { checkCrash } from './nodes/crash';
import { checkKilledNode } from './nodes/killed-node';
import { checkTwoCoordinators } from './nodes/two-coordinators';
import { type Figure, figureRow } from './report/figure';
import { figureTable } from './report/tables';
import { Servers } from './servers';
import { type Participants, type World, startParticipants } from './stage';

const usage = `Usage: npm run bench:nodes -- [options]

  --quick        less of everything: shows that it works, no number means anything
  --store NAME   mariadb or postgres; mariadb by default
  --check NAME   only that figure: killed-node, crash or two-coordinators
  --json FILE    writes the rows to FILE
  --rounds N     interleaved rounds of two-coordinators; 3 by default
  --dir DIR      folder for the server's data; by default the machine's folder for temporary files, unless that is memory
  --help         this

The server is the one that TERCET_TEST_MYSQL_URL or TERCET_TEST_POSTGRES_URL names, else a container, else a program of this
machine.`;

const ROUNDS = 3;
const MEASURE_MS = 2_500;
const MEASURE_QUICK_MS = 500;

type Check = (
  world: World,
  store: ServerStore,
  participants: Participants,
) => Promise<readonly Figure[]>;

const checks: Readonly<Record<string, Check>> = {
  'killed-node': checkKilledNode,
  crash: checkCrash,
  'two-coordinators': checkTwoCoordinators,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      store: { type: 'string', default: 'mariadb' },
      check: { type: 'string' },
      json: { type: 'string' },
      rounds: { type: 'string' },
      dir: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const store = oneOf('--store', serverKinds, values.store);
  const names = Object.keys(checks);
  const chosen = values.check === undefined ? names : [oneOf('--check', names, values.check)];
  const from = process.env['INIT_CWD'] ?? process.cwd();
  const world = worldOf({
    quick: values.quick,
    rounds: roundsOf(values.rounds ?? `${values.quick ? 1 : ROUNDS}`),
    scratch: makeScratch(values.dir === undefined ? undefined : resolve(from, values.dir)),
  });
  const figures = await measured(world, store, chosen);
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${type()} ${release()}`;
  console.log(`Node.js ${process.version}, ${store}, ${machine}\n`);
  console.log(figureTable(figures));
  if (values.quick) console.log('\nA quick run: no number means anything.');
  if (values.json !== undefined) write(resolve(from, values.json), figures.map(figureRow));
}

function worldOf(options: Pick<World, 'quick' | 'rounds' | 'scratch'>): World {
  const { scratch, quick } = options;
  // Ctrl-C in the middle: the other processes end with this one, the databases go here.
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const startedAt = performance.now();
  return {
    ...options,
    servers: new Servers(scratch),
    profileFolder: undefined,
    times: {
      warmUpMs: 0,
      warmUpTransactions: 0,
      measureMs: quick ? MEASURE_QUICK_MS : MEASURE_MS,
    },
    progress: (line) => {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6);
      process.stderr.write(`${seconds} s  ${line}\n`);
    },
  };
}

async function measured(
  world: World,
  store: ServerStore,
  chosen: readonly string[],
): Promise<readonly Figure[]> {
  const missing = await world.servers.start(store);
  if (missing.length > 0) throw new Error(`no ${store}: ${missing.join('; ')}`);
  const participants = await startParticipants(world, [0, 0]);
  try {
    const figures: Figure[] = [];
    for (const name of chosen) {
      figures.push(...((await checks[name]?.(world, store, participants)) ?? []));
    }
    return figures;
  } finally {
    await participants.process.end();
    await world.servers.end();
  }
}

function oneOf<T extends string>(option: string, known: readonly T[], given: string): T {
  const found = known.find((one) => one === given);
  if (found !== undefined) return found;
  throw new Error(`${option} must be one of ${known.join(', ')}, got ${JSON.stringify(given)}`);
}

function roundsOf(given: string): number {
  const rounds = Number(given);
  if (Number.isSafeInteger(rounds) && rounds >= 1) return rounds;
  throw new Error('--rounds must be a whole number of at least 1');
}

function write(file: string, rows: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
