/**
 * `npm run bench`: measures the published figures. Tables on stdout, progress on stderr; `--json FILE` writes the same
 * for programs. A figure that misses its target is no failure: only a run that could not be made ends with 1.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { dirname } from 'node:path';
import { type Command, parseCommand, usage } from './command';
import {
  type Configuration,
  allConfigurations,
  nameOf,
  quickConfigurations,
  serverConfigurations,
  serverKinds,
  withServers,
} from './configurations';
import { makeScratch } from './disk';
import { figureRow } from './report/figure';
import { rowProblems } from './report/rows';
import { figureTable, measuredTable } from './report/tables';
import { Servers } from './servers';
import type { Times, World } from './stage';
import { type Findings, type Programme, checkNames, runSuite } from './suite';

const ROUNDS = 5;
/** One that is long enough for warm code tells more than two that are not. */
const ROUNDS_QUICK = 1;
const times: Times = { warmUpMs: 1_500, warmUpTransactions: 4_000, measureMs: 2_000 };
const timesQuick: Times = { warmUpMs: 700, warmUpTransactions: 0, measureMs: 900 };

async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd());
  if (command === undefined) {
    console.log(usage);
    return;
  }
  const scratch = makeScratch(command.directory);
  // Ctrl-C in the middle: the other processes end with this one, the databases go here.
  const leave = (): void => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', leave);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const findings = await runSuite(worldOf(command, scratch), programmeOf(command));
  print(findings, command);
  if (command.jsonFile !== undefined) write(command.jsonFile, findings);
}

function worldOf(command: Command, scratch: string): World {
  const { quick, rounds, measureMs, profileFolder } = command;
  const usual = quick ? timesQuick : times;
  const startedAt = performance.now();
  return {
    scratch,
    servers: new Servers(scratch),
    profileFolder,
    quick,
    rounds: rounds ?? (quick ? ROUNDS_QUICK : ROUNDS),
    times: { ...usual, measureMs: measureMs ?? usual.measureMs },
    progress: (line) => {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6);
      process.stderr.write(`${seconds} s  ${line}\n`);
    },
  };
}

function programmeOf({ quick, only, check, stores }: Command): Programme {
  const nothing = { configurations: [], published: false, checks: [], serversNeeded: false };
  if (check !== undefined) {
    const known = checkNames.find((name) => name === check);
    if (known !== undefined) return { ...nothing, checks: [known] };
    throw new Error(`--check: there is no ${check}, only ${checkNames.join(', ')}`);
  }
  if (stores !== undefined) {
    const configurations = serverConfigurations(stores);
    return { ...nothing, configurations, checks: ['retention'], serversNeeded: true };
  }
  const all = withServers(allConfigurations, serverKinds);
  if (only.length > 0) return { ...nothing, configurations: chosen(all, only) };
  const configurations = quick ? quickConfigurations : all;
  return { configurations, published: true, checks: checkNames, serversNeeded: false };
}

function chosen(all: readonly Configuration[], only: readonly string[]): readonly Configuration[] {
  const configurations = all.filter((configuration) => {
    const words = nameOf(configuration).split(' ');
    return only.every((word) => words.includes(word));
  });
  if (configurations.length > 0) return configurations;
  const known = all.map((one) => `  ${nameOf(one)}`).join('\n');
  throw new Error(`--only: no configuration has all of "${only.join(' ')}". There are:\n${known}`);
}

function print({ rows, figures }: Findings, { quick }: Command): void {
  const [cpu] = cpus();
  console.log(
    `Node.js ${process.version}, ${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${type()} ${release()}\n`,
  );
  const tables = [
    ...(rows.length > 0 ? [measuredTable(rows)] : []),
    ...(figures.length > 0 ? [figureTable(figures)] : []),
  ];
  console.log(tables.join('\n\n'));
  if (quick)
    console.log('\nA quick run: it shows that everything works. No number means anything.');
}

function write(file: string, { rows, figures }: Findings): void {
  const all = [...rows, ...figures.map(figureRow)];
  const problems = rowProblems(all);
  if (problems.length > 0) throw new Error(`the rows are malformed:\n  ${problems.join('\n  ')}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(all, undefined, 1)}\n`);
}

main().then(
  // What is left is of no interest any more; the other processes end with this one.
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
