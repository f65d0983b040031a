/**
 * What an unfinished transaction costs in the coordinator's memory: (heap + external after a collection, against the
 * empty coordinator) / N. Real requests over gRPC from this process to a coordinator of its own process with the
 * embedded store: 2 branches with a payload of 100 bytes each, first undecided, then decided with nobody to call.
 * Table on stdout, progress on stderr; `--json FILE` writes the same numbers for programs. Exits 1 above the limit.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ServiceError, credentials } from '@grpc/grpc-js';
import {
  CoordinatorClient,
  type RegisterBranchesRequest,
  RegisterBranchesRequest as Request,
} from '@tercet/proto';
import type { Ask, Memory, Told } from './memory-coordinator';

const LIMIT_BYTES = 3 * 1_024;
const CONCURRENT = 128;
const WARM_UP = 2_000;
const PAYLOAD_BYTES = 100;
const DAY_MS = 86_400_000;
const runId = '0123456789abcdef0123456789abcdef';

interface Row {
  readonly state: 'undecided' | 'held back';
  readonly transactions: number;
  readonly bytesEach: number;
  readonly limit: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { transactions: { type: 'string' }, json: { type: 'string' } },
  });
  const count = Number(values.transactions ?? 100_000);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new Error('--transactions must be a whole number of at least 1');
  }
  const directory = mkdtempSync(join(tmpdir(), 'tercet-memory-'));
  const child = fork(join(__dirname, 'memory-coordinator.ts'), [directory], {
    execArgv: ['--expose-gc', '--require', 'tsx/cjs', '--conditions=@tercet/source'],
  });
  try {
    const { port } = await told(child, 'port');
    const client = new CoordinatorClient(`127.0.0.1:${port}`, credentials.createInsecure());
    const rows = await measure(child, client, count);
    client.close();
    print(rows);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows)}\n`);
    if (rows.some(({ bytesEach }) => bytesEach > LIMIT_BYTES)) process.exitCode = 1;
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(
  child: ChildProcess,
  client: CoordinatorClient,
  count: number,
): Promise<readonly Row[]> {
  // Code is compiled, pools and prepared statements are filled: that is no transaction's cost.
  await forEach(WARM_UP, (i) => register(client, `warm-${i}`));
  await forEach(WARM_UP, (i) => rollback(client, `warm-${i}`));
  const empty = await memory(child);
  const each = async (state: Row['state']): Promise<Row> => {
    const { bytes, held } = await memory(child);
    if (held < count) throw new Error(`only ${held} of ${count} transactions are in memory`);
    const bytesEach = Math.round((bytes - empty.bytes) / count);
    return { state, transactions: count, bytesEach, limit: LIMIT_BYTES };
  };
  await forEach(count, (i) => register(client, `held-${i}`), 'registered');
  const undecided = await each('undecided');
  await forEach(count, (i) => commit(client, `held-${i}`), 'committed');
  return [undecided, await each('held back')];
}

function register(client: CoordinatorClient, gid: string): Promise<unknown> {
  return call((done) => client.registerBranches(registration(gid), done));
}

function rollback(client: CoordinatorClient, gid: string): Promise<unknown> {
  // Told as not sent: the warm-up leaves nothing that waits for its Try.
  const tries = ['1', '2'].map((branchId) => ({ branchId, outcome: 1 }));
  const wait = { waitFor: 0, waitMs: 0 };
  return call((done) => client.rollback({ gid, runId, reason: 'warm-up', tries, ...wait }, done));
}

function commit(client: CoordinatorClient, gid: string): Promise<unknown> {
  const branchIds = ['1', '2'];
  return call((done) => client.commit({ gid, runId, branchIds, waitFor: 0, waitMs: 0 }, done));
}

function registration(gid: string): RegisterBranchesRequest {
  // Nobody listens on these ports: once decided, calls are held back.
  const branch = (branchId: string, service: string, target: string): object => ({
    branchId,
    action: 'reserve',
    target,
    forwardMethod: `/shop.v1.${service}/ReserveTry`,
    confirmMethod: `/shop.v1.${service}/ReserveConfirm`,
    cancelMethod: `/shop.v1.${service}/ReserveCancel`,
    payload: Buffer.alloc(PAYLOAD_BYTES, gid).toString('base64'),
  });
  return Request.fromJSON({
    gid,
    runId,
    open: { name: 'checkout', timeoutMs: DAY_MS },
    branches: [branch('1', 'Stock', '127.0.0.1:1'), branch('2', 'Wallet', '127.0.0.1:2')],
  });
}

function call(start: (done: (error: ServiceError | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === null ? resolve() : reject(error)));
  });
}

/** Runs `work` for 0 … count-1, some at a time. */
async function forEach(
  count: number,
  work: (i: number) => Promise<unknown>,
  verb?: string,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      await work(i);
      if (verb !== undefined && (i + 1) % 10_000 === 0) process.stderr.write(`${verb} ${i + 1}\n`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
}

async function memory(child: ChildProcess): Promise<Memory> {
  child.send({ kind: 'memory' } satisfies Ask);
  return await told(child, 'memory');
}

function told<K extends Told['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<Told, { kind: K }>> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the coordinator ended with ${code}`)));
    child.on('message', (message: Told) => {
      if (message.kind === kind) resolve(message as Extract<Told, { kind: K }>);
    });
  });
}

function print(rows: readonly Row[]): void {
  console.log('memory of an unfinished transaction: 2 branches, 100-byte payloads\n');
  for (const { state, transactions, bytesEach, limit } of rows) {
    const verdict = bytesEach <= limit ? 'within' : 'ABOVE';
    const figure = `${bytesEach} bytes each`.padStart(18);
    console.log(
      `${state.padEnd(10)} ${String(transactions).padStart(8)} ${figure}  ${verdict} ${limit}`,
    );
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
