/** Runs the command in this process, with doubles for everything outside, and records what it wrote. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  backupStore,
  checkStore,
  configFields,
  configFileField,
  copyStore,
  migrateStore,
  quarantineStore,
  restoreStore,
  storeWords,
} from '@tercet/coordinator';
import * as mysql from '@tercet/sdk/mysql2';
import type { OperatorClient, OperatorClientOptions } from '@tercet/sdk/operator';
import * as postgres from '@tercet/sdk/pg';
import * as file from '@tercet/sdk/sqlite';
import { type BarrierMaker, type CliDeps, run } from '@tercet/cli';
import { aStuckPage, aTransaction } from './views';

/** What a test changes of the outside. */
export interface Outside {
  /** Calls that the coordinator answers differently. */
  readonly client?: Partial<OperatorClient>;
  readonly env?: CliDeps['env'];
  /** What a person types, one line for each question; undefined = nobody can be asked. */
  readonly typed?: readonly (string | undefined)[];
  /** Width of a terminal; undefined = the output is piped. */
  readonly terminal?: number;
  readonly runServer?: ReturnType<CliDeps['loadServer']>['runServer'];
  /** What the project in the current folder has not installed. */
  readonly notInstalled?: readonly string[];
  /** Signals that arrive as soon as somebody listens for them. */
  readonly signals?: readonly string[];
}

/** How a run ended. */
export interface RecordedRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What clients were opened with. */
  readonly opened: readonly OperatorClientOptions[];
  /** How many clients were closed. */
  readonly closed: number;
  /** What was loaded, in order. */
  readonly loaded: readonly string[];
  /** Codes that the process would have ended with at once. */
  readonly exits: readonly number[];
}

/** Runs `tercet` with the words of a line, or with words as they are. */
export async function tercet(
  line: string | readonly string[],
  outside: Outside = {},
): Promise<RecordedRun> {
  const seen = { stdout: '', stderr: '', closed: 0 };
  const opened: OperatorClientOptions[] = [];
  const loaded: string[] = [];
  const exits: number[] = [];
  const { terminal, env = {} } = outside;
  const output = (name: 'stdout' | 'stderr'): CliDeps['out'] => ({
    write: (text) => {
      seen[name] += text;
    },
    isTTY: terminal !== undefined,
    columns: terminal,
  });
  const deps: CliDeps = {
    out: output('stdout'),
    err: output('stderr'),
    env,
    ask: personWho(outside, (text) => {
      seen.stderr += text;
    }),
    operatorName: () => 'ann@ops',
    version: '1.2.3',
    loadOperator: () => {
      loaded.push('operator');
      return {
        createOperatorClient: (options = {}) => {
          opened.push(options);
          return { ...healthyClient, ...outside.client, close: () => void seen.closed++ };
        },
      };
    },
    loadServer: () => {
      loaded.push('server');
      return {
        runServer: outside.runServer ?? neverStarts,
        configFields,
        configFileField,
        checkStore,
        migrateStore,
        backupStore,
        restoreStore,
        quarantineStore,
        copyStore,
        storeWords,
      };
    },
    loadBarriers: () => {
      loaded.push('barriers');
      return {
        barriers: {
          mysql: mysql.mysql2Barrier as BarrierMaker,
          postgres: postgres.pgBarrier as BarrierMaker,
          sqlite: file.sqliteBarrier as BarrierMaker,
        },
        migrations: {
          mysql: mysql.barrierMigration,
          postgres: postgres.barrierMigration,
          sqlite: file.barrierMigration,
        },
      };
    },
    loadFromProject: (name) => {
      loaded.push(name);
      if (outside.notInstalled?.includes(name) === true) throw notFound(name);
      return createRequire(__filename)(name) as unknown;
    },
    fileExists: existsSync,
    onSignal: (handler) => outside.signals?.forEach(handler),
    exitNow: (code) => exits.push(code),
  };
  const words = typeof line === 'string' ? line.split(' ').filter(Boolean) : line;
  const exitCode = await run(words, deps);
  return { exitCode, ...seen, opened, loaded, exits };
}

/** Types the lines of the test, one for each question; the questions are seen. */
function personWho({ typed }: Outside, show: (question: string) => void): CliDeps['ask'] {
  if (typed === undefined) return undefined;
  const lines = [...typed];
  return async (question) => {
    show(`${question}\n`);
    return lines.shift();
  };
}

/** As Node says it. */
function notFound(name: string): Error {
  return Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
}

const healthyClient: OperatorClient = {
  list: async () => ({ transactions: [], nextCursor: undefined }),
  get: async (gid) => aTransaction({ gid }),
  stuck: async () => aStuckPage(),
  retry: async (gid) => ({ transaction: aTransaction({ gid }), changed: [] }),
  resume: async (gid) => ({ transaction: aTransaction({ gid }), changed: [] }),
  resolve: async (gid) => ({ transaction: aTransaction({ gid }), recorded: false }),
  health: async () => ({ status: 'serving' }),
  close: () => undefined,
};

async function neverStarts(): Promise<never> {
  throw new Error('no server was expected to start');
}
