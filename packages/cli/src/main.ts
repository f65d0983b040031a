/** The command as a process: the only file of this package that reads `process`. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type * as mysql2 from '@tercet/sdk/mysql2';
import type * as pg from '@tercet/sdk/pg';
import type * as sqlite from '@tercet/sdk/sqlite';
import type {
  BarrierMaker,
  BarrierModules,
  CliDeps,
  OperatorModule,
  Output,
  ServerModule,
} from './cli-deps';
import { operatorName } from './operator-name';
import { run } from './program';

/** Runs the command that the arguments name and leaves its exit code. */
export async function main(): Promise<void> {
  process.stdout.on('error', ignoreBrokenPipe);
  process.stderr.on('error', ignoreBrokenPipe);
  process.exitCode = await run(process.argv.slice(2), processDeps());
}

function processDeps(): CliDeps {
  return {
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    env: process.env,
    ask: process.stdin.isTTY && process.stderr.isTTY ? askPerson : undefined,
    operatorName: () =>
      operatorName(process.env, { user: () => os.userInfo().username, host: os.hostname }),
    version: packageVersion(),
    loadOperator,
    loadServer,
    loadBarriers,
    loadFromProject: createRequire(path.join(process.cwd(), 'package.json')),
    fileExists: existsSync,
    onSignal: (handler) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, handler);
    },
    exitNow: (code) => process.exit(code),
  };
}

/** The question is no data: it goes to standard error, so that it is seen where the output is piped. */
function askPerson(question: string): Promise<string | undefined> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    const leave = (): void => {
      process.stderr.write('\n');
      resolve(undefined);
    };
    terminal.once('SIGINT', () => terminal.close());
    terminal.once('close', leave);
    terminal.question(question, (answer) => {
      terminal.off('close', leave);
      terminal.close();
      resolve(answer);
    });
  });
}

// Both load gRPC, the coordinator its store too: only the commands that need them pay for it. `import()` would go
// through Node's other loader, which costs more and does not see what runs the sources unbuilt.

function loadOperator(): OperatorModule {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- lazy, see above
  return require('@tercet/sdk/operator') as OperatorModule;
}

function loadServer(): ServerModule {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- lazy, see above
  return require('@tercet/coordinator') as ServerModule;
}

function loadBarriers(): BarrierModules {
  /* eslint-disable @typescript-eslint/no-require-imports -- lazy, see above */
  const mysql = require('@tercet/sdk/mysql2') as typeof mysql2;
  const postgres = require('@tercet/sdk/pg') as typeof pg;
  const file = require('@tercet/sdk/sqlite') as typeof sqlite;
  /* eslint-enable @typescript-eslint/no-require-imports */
  // Each looks at what it is given: see `BarrierMaker`.
  const barriers = {
    mysql: mysql.mysql2Barrier as BarrierMaker,
    postgres: postgres.pgBarrier as BarrierMaker,
    sqlite: file.sqliteBarrier as BarrierMaker,
  };
  const migrations = {
    mysql: mysql.barrierMigration,
    postgres: postgres.barrierMigration,
    sqlite: file.barrierMigration,
  };
  return { barriers, migrations };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    // Node leaves `isTTY` undefined on pipes and files.
    isTTY: Boolean(stream.isTTY),
    columns: stream.columns,
  };
}

/** `tercet tx list | head`: the reader has what it wanted, nobody needs a complaint. */
function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function packageVersion(): string {
  // src/ and dist/ stand at the same depth, so the path holds for both.
  const text = readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

if (require.main === module) void main();
