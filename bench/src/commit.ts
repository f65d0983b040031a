/**
 * How long a durable commit takes on the embedded store: one opening of a transaction with two branches alone, and
 * 64 of them grouped in one batch, as group commit sends them. Table on stdout, progress on stderr;
 * `--json FILE` writes the same numbers for programs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SqliteStore, type Store, type StoreOperation } from '@tercet/coordinator';
import {
  type Branch,
  type BranchId,
  type Gid,
  type GlobalTransaction,
  noAttempts,
} from '@tercet/core';

interface Measurement {
  readonly check: string;
  readonly value: number;
  readonly unit: string;
  /** How many commits the value comes from. */
  readonly samples: number;
}

const WARM_UP_COMMITS = 50;
const COMMITS = 400;
const GROUP = 64;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'string' }, dir: { type: 'string' } } });
  const parent = values.dir ?? tmpdir();
  const directory = mkdtempSync(join(parent, 'tercet-bench-'));
  const store = new SqliteStore({ directory });
  try {
    await store.open('bench');
    const alone = await commitTimes(store, 1);
    const grouped = await commitTimes(store, GROUP);
    const measurements = report(alone, grouped);
    print(measurements);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(measurements)}\n`);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of every commit of `size` openings, sorted. */
async function commitTimes(store: Store, size: number): Promise<readonly number[]> {
  process.stderr.write(`measuring ${COMMITS} commits of ${size}\n`);
  const times: number[] = [];
  for (let commit = 0; commit < WARM_UP_COMMITS + COMMITS; commit++) {
    const batch = Array.from({ length: size }, (_, i) => opening(`bench-${size}-${commit}-${i}`));
    const start = performance.now();
    const results = await store.write(batch);
    const time = performance.now() - start;
    if (results.some(({ kind }) => kind !== 'applied')) throw new Error('an opening was refused');
    if (commit >= WARM_UP_COMMITS) times.push(time);
  }
  return times.sort((a, b) => a - b);
}

function report(alone: readonly number[], grouped: readonly number[]): readonly Measurement[] {
  const row = (check: string, times: readonly number[], q: number): Measurement => {
    return { check, value: rounded(quantile(times, q)), unit: 'ms', samples: times.length };
  };
  const perOperation = (quantile(grouped, 0.5) / GROUP) * 1_000;
  return [
    row('commit of 1 opening, p50', alone, 0.5),
    row('commit of 1 opening, p99', alone, 0.99),
    row(`commit of ${GROUP} openings, p50`, grouped, 0.5),
    row(`commit of ${GROUP} openings, p99`, grouped, 0.99),
    {
      check: `per opening of ${GROUP}, p50`,
      value: rounded(perOperation),
      unit: 'µs',
      samples: grouped.length,
    },
  ];
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function print(measurements: readonly Measurement[]): void {
  const width = Math.max(...measurements.map(({ check }) => check.length));
  console.log(
    'durable commits on the embedded store; one opening = 1 transaction row + 2 branch rows\n',
  );
  for (const { check, value, unit } of measurements) {
    console.log(`${check.padEnd(width)}  ${value.toFixed(2).padStart(9)} ${unit}`);
  }
}

function opening(gid: string): StoreOperation {
  const tx: GlobalTransaction = {
    gid: gid as Gid,
    runId: '0123456789abcdef0123456789abcdef' as GlobalTransaction['runId'],
    name: 'checkout',
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: {},
    trace: undefined,
    status: 'trying',
    openedAt: 1_700_000_000_000,
    deadlineAt: 1_700_000_060_000,
    decidedAt: undefined,
    finishedAt: undefined,
    cause: undefined,
    epoch: 1,
    branches: [branch('1', 'stock'), branch('2', 'wallet')],
  };
  return { kind: 'open', tx };
}

function branch(id: string, service: string): Branch {
  const path = `/shop.${service}/`;
  return {
    spec: {
      id: id as BranchId,
      action: 'reserve',
      mode: 'tcc',
      driver: 'initiator',
      dialect: 'tercet',
      target: `dns:///${service}.example:50051`,
      methods: { forward: `${path}Try`, confirm: `${path}Confirm`, cancel: `${path}Cancel` },
      payload: new Uint8Array(128).fill(7),
      confirmPayload: undefined,
      cancelPayload: undefined,
      after: [],
      deadlines: { forwardMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
      retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
      stuckAfterMs: 300_000,
      stuckAttempts: 5,
      parkPermanentErrors: false,
      barrier: false,
    },
    status: 'registered',
    phaseOne: 'none',
    tryTold: false,
    notAfter: 1_700_000_005_000,
    attempts: noAttempts,
    parked: false,
    verdict: undefined,
  };
}

void main();
