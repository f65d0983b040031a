/**
 * What `@tercet/testing` costs a test: how long a test coordinator takes to be ready, and how long an hour of virtual
 * retries takes in real time, once with a participant that fails every Confirm over real gRPC, once with one that is away.
 * Table on stdout; `--json FILE` writes the same numbers for programs. Exits 1 above a target.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type TestCoordinator, createTestCoordinator } from '@tercet/testing';
import { bench, reservation } from './bench-service';
import { median } from './statistics';

interface Row {
  readonly what: string;
  readonly ms: number;
  /** Undefined = it is reported only. */
  readonly targetMs: number | undefined;
  /** Calls of participants in it; undefined = none. */
  readonly calls: number | undefined;
}

const READY_MS = 50;
const HOUR_MS = 1_000;
const ROUNDS = 15;

async function main(): Promise<void> {
  // tsx turns them on: each error that a call ends with would cost milliseconds that no test pays.
  process.setSourceMapsEnabled(false);
  const { values } = parseArgs({ options: { json: { type: 'string' } } });
  const rows = [
    ...(await ready()),
    await hour('an hour, every Confirm fails over gRPC', { inProcess: false }),
    await hour('the same in process', { inProcess: true }),
    await hour('the same over gRPC, 50 transactions', { inProcess: false, transactions: 50 }),
    await hour('an hour, the participant is away', { inProcess: false, away: true }),
  ];
  for (const { what, ms, targetMs, calls } of rows) {
    const target = targetMs === undefined ? '' : `target ${targetMs}`;
    const called = calls === undefined ? '' : `${calls} calls`;
    const verdict = isMiss({ ms, targetMs }) ? '  miss' : '';
    console.log(
      `${what.padEnd(42)} ${ms.toFixed(1).padStart(8)} ms  ${target.padEnd(12)}${called.padStart(12)}${verdict}`,
    );
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows)}\n`);
  if (rows.some(isMiss)) process.exitCode = 1;
}

function isMiss({ ms, targetMs }: Pick<Row, 'ms' | 'targetMs'>): boolean {
  return targetMs !== undefined && ms > targetMs;
}

async function ready(): Promise<Row[]> {
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const env = await createTestCoordinator();
    taken.push(performance.now() - begun);
    await env.close();
  }
  const [first = 0, ...others] = taken;
  return [
    { what: 'ready, the first of a process', ms: first, targetMs: READY_MS, calls: undefined },
    { what: 'ready, the next ones', ms: median(others), targetMs: READY_MS, calls: undefined },
  ];
}

interface Hour {
  readonly inProcess: boolean;
  readonly transactions?: number;
  readonly away?: boolean;
}

async function hour(
  what: string,
  { inProcess, transactions = 1, away = false }: Hour,
): Promise<Row> {
  const env = await createTestCoordinator({ inProcess });
  const fail = (): never => {
    throw new Error('not today');
  };
  const participant = await env.serve(bench, {
    reserve: { try: () => ({ reservationId: 'r' }), confirm: fail, cancel: fail },
  });
  const gids = Array.from({ length: transactions }, (_, i) => `order-${i}`);
  await Promise.all(gids.map((gid) => open(env, gid, participant.target)));
  if (away) await participant.close();
  const begun = performance.now();
  await env.advance('1h');
  const ms = performance.now() - begun;
  const calls = gids.reduce((sum, gid) => sum + env.history(gid).length, 0);
  await env.close({ allow: { unfinished: true } });
  return { what, ms, targetMs: transactions === 1 ? HOUR_MS : undefined, calls };
}

async function open(env: TestCoordinator, gid: string, target: string): Promise<void> {
  await env.tercet.run({ name: 'bench', gid, phaseTwoWaitMs: 0 }, (tx) =>
    tx.use(bench, { target }).reserve(reservation),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
