/** `make demo`: plays a day of the shop with everything that can go wrong, then checks the books. */
import { rmSync } from 'node:fs';
import { inspect } from 'node:util';
import colors from 'picocolors';
import { readBooks } from './demo/books';
import { runChecks } from './demo/checks';
import { killAll } from './demo/programs';
import { linesOf, tableOf } from './demo/report';
import { playScenes } from './demo/scenes';
import { Stage } from './demo/stage';
import { programsOf } from './demo/world';

/** Whatever happens, the demo ends. */
const LONGEST_MS = 57_000;

const startedAt = Date.now();

function secondsSinceStart(): number {
  return (Date.now() - startedAt) / 1_000;
}

function say(line: string): void {
  console.log(`${colors.dim(`${secondsSinceStart().toFixed(1).padStart(6)} s`)}  ${line}`);
}

async function main(stage: Stage): Promise<number> {
  try {
    await stage.prepare();
    await Promise.race([playScenes(stage), tooLate()]);
    const evidence = { facts: stage.facts, books: await readBooks(stage.world.databases) };
    const checks = runChecks(evidence);
    print('What happened', tableOf(evidence, secondsSinceStart()));
    print('What must hold', linesOf(checks));
    const failed = checks.filter(({ problems }) => problems.length > 0).length;
    if (failed > 0) throw new Error(`${failed} of ${checks.length} checks failed`);
    rmSync(stage.world.folder, { recursive: true });
    return 0;
  } catch (error) {
    explain(stage, error);
    return 1;
  }
}

function tooLate(): Promise<never> {
  return new Promise((_resolve, reject) => {
    const error = new Error(`it did not end within ${LONGEST_MS / 1_000} s`);
    setTimeout(() => reject(error), LONGEST_MS).unref();
  });
}

function print(title: string, lines: readonly string[]): void {
  console.log(['', colors.bold(title), ...lines].join('\n'));
}

/** What a person needs to go on from here: the error, the last words of each program, and the data. */
function explain(stage: Stage, error: unknown): void {
  // Errors of the demo itself say all in their message; of others one wants to know where they come from.
  const isOwn = error instanceof Error && error.constructor === Error;
  const text = isOwn ? error.message : inspect(error);
  console.error(`\n${colors.red('The demo failed:')} ${text}`);
  for (const { spec, tail } of stage.isPrepared ? programsOf(stage.world) : []) {
    if (tail.length > 0) console.error([`\n${spec.name} said last:`, ...tail].join('\n  '));
  }
  if (stage.isPrepared) console.error(`\nIts data is left in ${stage.world.folder}`);
}

/** Ctrl-C in the middle: no farewell and no checks, but nothing is left behind either. */
function abandon(stage: Stage, code: number): void {
  killAll();
  if (stage.isPrepared) rmSync(stage.world.folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(code);
}

const stage = new Stage(say);
process.once('exit', killAll);
process.once('SIGINT', () => abandon(stage, 130));
process.once('SIGTERM', () => abandon(stage, 143));
void main(stage).then((code) => process.exit(code));
