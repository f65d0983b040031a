/**
 * Stores that cannot be written, read or had. A coordinator whose store is full or read-only refuses new work in words,
 * says so in its health, loses nothing and goes on by itself; one that cannot have its store or its port does not start.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import {
  Client,
  type ClientReadableStream,
  type MethodDefinition,
  credentials,
  logVerbosity,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { Coordinator, SqliteStore } from '@tercet/coordinator';
import { service as healthService } from 'grpc-health-check';
// eslint-disable-next-line import-x/no-relative-packages -- opens the data file as an operator's tool does
import { openDatabase } from '../../packages/coordinator/src/store/sqlite/driver';
import { aFolder, afterTest } from '../support/clean-up';
import { healthy } from './bad-input-participants';
import { type Message, PlainClient, branchOf, commitOf, registrationOf } from './bad-input-world';

// Every store loads TypeScript anew in a thread of its own.
jest.setTimeout(60_000);

// grpc-js tells of a port in use in a line of its own.
setLogVerbosity(logVerbosity.NONE);

const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };

/** Follows the health of the whole server. */
class HealthWatch {
  private readonly client: Client;
  private readonly stream: ClientReadableStream<{ status: string }>;
  private last = '';
  private waiting: (() => void)[] = [];

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
    const watch = healthService['Watch'] as MethodDefinition<object, { status: string }>;
    const { path, requestSerialize, responseDeserialize } = watch;
    const request = { service: '' };
    this.stream = this.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
    );
    this.stream.on('error', () => undefined);
    this.stream.on('data', ({ status: next }: { status: string }) => {
      this.last = next;
      for (const wake of this.waiting.splice(0)) wake();
    });
  }

  async until(wanted: string): Promise<void> {
    while (this.last !== wanted) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}

async function aWorld() {
  let pragma: (text: string) => Promise<readonly unknown[]> = async () => [];
  const store = new SqliteStore({
    directory: aFolder(),
    hooks: { onWorker: (probe) => void (pragma = (text) => probe.pragma(text)) },
  });
  const coordinator = new Coordinator({ config: addresses, store });
  afterTest(() => coordinator.stop());
  const { grpcPort, httpPort } = await coordinator.start();
  const participant = await healthy();
  afterTest(() => participant.close());
  const client = new PlainClient(`127.0.0.1:${grpcPort}`);
  afterTest(() => client.close());
  const health = new HealthWatch(`127.0.0.1:${grpcPort}`);
  afterTest(() => health.close());
  await health.until('SERVING');
  const register = (gid: string, bytes = 3): Message =>
    registrationOf(gid, [branchOf(participant.target, { payload: Buffer.alloc(bytes) })]);
  const readiness = async (): Promise<[number, unknown]> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    return [response.status, await response.json()];
  };
  return { client, health, register, readiness, pragma: (text: string) => pragma(text) };
}

type World = Awaited<ReturnType<typeof aWorld>>;

/** What holds while the store takes nothing, and after it does again. */
async function refusesAndRecovers(
  world: World,
  { reason, mend }: { readonly reason: string; readonly mend: () => Promise<unknown> },
): Promise<void> {
  const { client, health, register, readiness } = world;
  const refused = {
    status: status.UNAVAILABLE,
    code: 'STORE_UNAVAILABLE',
    text: `the store takes no new work: ${reason}`,
  };
  // Large enough that no free page can hold it.
  expect(await client.refusal('RegisterBranches', register('new', 500_000))).toEqual(refused);
  await health.until('NOT_SERVING');
  expect(await readiness()).toEqual([503, { status: 'not ready', reason: `store: ${reason}` }]);
  expect(await client.refusal('RegisterBranches', register('other'))).toEqual(refused);
  // What is known is answered all the same.
  const kept = await client.truth('kept');
  expect(kept).toMatchObject({ transaction: { status: 'TRANSACTION_STATUS_TRYING' } });

  await mend();
  await health.until('SERVING');
  expect(await readiness()).toEqual([200, { status: 'ready' }]);
  expect(await client.truth('kept')).toEqual(kept);
  expect(await client.truth('new')).toBe('unknown');
  expect(await client.truth('other')).toBe('unknown');
  await client.call('RegisterBranches', register('new', 500_000));
  for (const gid of ['kept', 'new']) {
    expect(await client.call('Commit', commitOf(gid))).toMatchObject({
      status: 'TRANSACTION_STATUS_CONFIRMED',
    });
  }
}

describe('a coordinator whose store cannot be written', () => {
  it('full disk: refuses new work, says so, loses nothing, and recovers', async () => {
    const world = await aWorld();
    const { client, register, pragma } = world;
    await client.call('RegisterBranches', register('kept'));
    const [{ page_count: pages } = { page_count: 0 }] = (await pragma('page_count')) as {
      page_count: number;
    }[];
    await pragma(`max_page_count = ${pages}`);
    await refusesAndRecovers(world, {
      reason: 'SQLITE_FULL: database or disk is full',
      mend: () => pragma('max_page_count = 1000000'),
    });
  });

  it('read-only: refuses new work, says so, loses nothing, and recovers', async () => {
    const world = await aWorld();
    const { client, register, pragma } = world;
    await client.call('RegisterBranches', register('kept'));
    await pragma('query_only = 1');
    await refusesAndRecovers(world, {
      reason: 'SQLITE_READONLY: attempt to write a readonly database',
      mend: () => pragma('query_only = 0'),
    });
  });

  it('read-only: a decision that waits for the store is made when it is back', async () => {
    const { client, health, register, pragma } = await aWorld();
    await client.call('RegisterBranches', register('kept'));
    await pragma('query_only = 1');
    const committing = client.call('Commit', commitOf('kept'));
    await health.until('NOT_SERVING');
    await pragma('query_only = 0');
    expect(await committing).toMatchObject({ status: 'TRANSACTION_STATUS_CONFIRMED' });
  });
});

describe('a coordinator that cannot have what it needs', () => {
  /** How a start was refused; everything that it had opened is free again. */
  async function refusalOf(config: object): Promise<{ code: string; message: string }> {
    const coordinator = new Coordinator({ config: { ...addresses, ...config } });
    const started = coordinator.start();
    const error = await started.then(
      () => undefined,
      (caught: unknown) => caught as { code: string; message: string },
    );
    await coordinator.stop();
    if (error === undefined) throw new Error('it started');
    return error;
  }

  async function running(config: object): Promise<{ grpcPort: number; httpPort: number }> {
    const coordinator = new Coordinator({ config: { ...addresses, ...config } });
    const { grpcPort, httpPort = 0 } = await coordinator.start();
    afterTest(() => coordinator.stop());
    return { grpcPort, httpPort };
  }

  it('corrupt file: names it, and leaves it as it is', async () => {
    const dataDir = aFolder();
    const file = join(dataDir, 'tercet.db');
    const bytes = Buffer.from('no database at all '.repeat(1_000));
    writeFileSync(file, bytes);
    expect(await refusalOf({ dataDir })).toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(file),
    });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('newer schema: says which versions there are, and leaves it as it is', async () => {
    const dataDir = aFolder();
    const first = new Coordinator({ config: { ...addresses, dataDir } });
    await first.start();
    await first.stop();
    const file = join(dataDir, 'tercet.db');
    const beside = (sql: string): unknown[] => {
      const db = openDatabase(file);
      try {
        return db.prepare(sql).all();
      } finally {
        db.close();
      }
    };
    beside('UPDATE schema_version SET version = 9, min_reader = 9 RETURNING version');
    expect(await refusalOf({ dataDir })).toMatchObject({
      code: 'STORE_INCOMPATIBLE',
      message: expect.stringMatching(/9/),
    });
    expect(beside('SELECT version, min_reader FROM schema_version')).toMatchObject([
      { version: 9, min_reader: 9 },
    ]);
  });

  it('gRPC port in use: names the address, and sets its store free', async () => {
    const { grpcPort } = await running({ dataDir: aFolder() });
    const dataDir = aFolder();
    const grpcAddress = `127.0.0.1:${grpcPort}`;
    expect(await refusalOf({ dataDir, grpcAddress })).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${grpcAddress}: the address is in use`,
    });
    await running({ dataDir });
  });

  it('HTTP port in use: names the address, and sets store and gRPC port free', async () => {
    const { httpPort } = await running({ dataDir: aFolder() });
    const dataDir = aFolder();
    const httpAddress = `127.0.0.1:${httpPort}`;
    expect(await refusalOf({ dataDir, httpAddress })).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${httpAddress}: the address is in use`,
    });
    await running({ dataDir });
  });

  it('two on one file: the second is refused, the first goes on', async () => {
    const dataDir = aFolder();
    const { grpcPort } = await running({ dataDir });
    expect(await refusalOf({ dataDir })).toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining(dataDir),
    });
    const client = new PlainClient(`127.0.0.1:${grpcPort}`);
    afterTest(() => client.close());
    await client.call('RegisterBranches', registrationOf('first', [branchOf('stock:1')]));
    expect(await client.truth('first')).not.toBe('unknown');
  });
});
