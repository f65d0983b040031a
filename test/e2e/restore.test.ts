/**
 * A coordinator that is lost with its machine, and a backup that was taken while it worked: what was acknowledged before is
 * there, nobody is called before an operator says so, and then everything settles. The same with a database that its own
 * tools have put back, and the way from SQLite to a server.
 */
import { describe, expect, it, jest } from '@jest/globals';
import { join } from 'node:path';
import type { GlobalStatus } from '@tercet/core';
import { systemScheduler } from '@tercet/runtime';
import { type OperatorClient, createOperatorClient } from '@tercet/sdk/operator';
import mysql from 'mysql2/promise';
import { Client } from 'pg';
import { aFolder, afterTest } from '../support/clean-up';
import { type CommandEnd, commandProcess } from '../support/command-process';
import { aClient } from '../support/nodes/fleet';
import { Orders } from '../support/nodes/orders';
import { Gate } from '../support/race/gate';
import { ServerProcess } from '../support/server-process';
import { type TestServer, describeWith, freshDatabase } from '../support/servers/describe-with';
import { shop } from '../support/shop';

jest.setTimeout(180_000);

const held = ['held-0', 'held-1', 'held-2'];
const onServer = ['--unsafe-store', '--node-ttl', '1s'];

/** A coordinator with some work behind it, some under way, and one transaction that nobody has decided. */
async function busyShop(...flags: readonly string[]) {
  const dataDir = aFolder();
  const server = await ServerProcess.start(dataDir, ...flags);
  const client = aClient(server.address);
  const orders = await Orders.at(client);
  for (const gid of held) await orders.placeHeld(gid);
  const gate = new Gate();
  const tried = new Gate();
  const { target } = orders.participant;
  const undecided = client.run({ name: 'order', gid: 'undecided', timeout: '60s' }, async (tx) => {
    await tx.use(shop, { target }).reserve({ sku: 'pear', quantity: 1 });
    tried.open();
    await gate.pass();
  });
  undecided.catch(() => undefined);
  afterTest(() => gate.open());
  await Promise.race([tried.pass(), undecided]);
  return { dataDir, server, client, orders };
}

function anOperator(address: string): OperatorClient {
  const operator = createOperatorClient({ address });
  afterTest(() => operator.close());
  return operator;
}

function expectDone(end: CommandEnd): CommandEnd {
  if (end.exitCode !== 0) throw new Error(`it ended with ${end.exitCode}: ${end.stderr}`);
  return end;
}

/** Nobody is called; then an operator acts, and everything settles. */
async function expectHeldUntilResumed(
  { orders }: { readonly orders: Orders },
  operator: OperatorClient,
  undecided: GlobalStatus = 'trying',
): Promise<void> {
  orders.refusing.clear();
  const { story } = orders.participant;
  const before = story.length;
  const { branches } = await operator.stuck();
  expect(new Set(branches.map(({ branch }) => branch.stuckReason))).toEqual(new Set(['restored']));
  const gids = [...new Set(branches.map(({ gid }) => gid))];
  expect(gids).toEqual(expect.arrayContaining([...held, 'undecided']));
  // Longer than any delay of these retries, and than the coordinator's node ttl.
  await pause(2_500);
  expect(story.slice(before)).toEqual([]);
  expect((await operator.get('undecided')).status).toBe(undecided);
  for (const gid of gids) await operator.resume(gid);
  await settled(operator, [...held], 'confirmed');
  await settled(operator, ['undecided'], 'cancelled');
  expect((await operator.stuck()).total).toBe(0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemScheduler.after(ms, resolve));
}

async function settled(
  operator: OperatorClient,
  gids: readonly string[],
  status: GlobalStatus,
): Promise<void> {
  for (const gid of gids) {
    let now = await operator.get(gid);
    while (now.reached !== 'settled') {
      await pause(50);
      now = await operator.get(gid);
    }
    expect([gid, now.status]).toEqual([gid, status]);
  }
}

/** Backup under load, then the machine is gone. */
async function backupUnderLoad() {
  const busy = await busyShop();
  const { dataDir, orders, server } = busy;
  const file = join(aFolder(), 'backup.db');
  let acknowledged: readonly string[] = [];
  const trouble = async (): Promise<void> => {
    acknowledged = [...orders.acknowledged];
    const words = ['store', 'backup', '--store', `sqlite:${dataDir}`, '--to', file];
    const { stdout } = expectDone(await commandProcess(...words));
    expect(stdout).toMatch(/^holds {3}\d+ transactions, \d+ of them unfinished$/m);
  };
  await orders.placeAll({ prefix: 'load', count: 90, trouble });
  expect(acknowledged.length).toBeGreaterThan(20);
  await server.kill();
  return { ...busy, file, acknowledged };
}

function describeRestore(fresh: () => Promise<string>): void {
  it('what was acknowledged is there, and nobody is called before an operator resumes it', async () => {
    const busy = await backupUnderLoad();
    const target = await fresh();
    const words = ['store', 'restore', '--from', busy.file, '--store', target, ...onServer];
    const { stdout, stderr } = expectDone(await commandProcess(...words));
    expect(stdout).toMatch(/^parked {4}\d+ unfinished/m);
    expect(stderr).toContain('tercet stuck --reason restored');
    expect((await commandProcess(...words)).exitCode).toBe(5);

    const next = await ServerProcess.start(aFolder(), '--store', target, ...onServer);
    const operator = anOperator(next.address);
    for (const gid of busy.acknowledged) {
      expect((await operator.get(gid)).status).toMatch(/^confirm/);
    }
    await expectHeldUntilResumed(busy, operator);
    await settled(operator, busy.acknowledged, 'confirmed');
  });
}

describe('a backup, restored into files', () => {
  describeRestore(async () => `sqlite:${join(aFolder(), 'new')}`);
});

/** All tables, as a dump and its restore would carry them. */
const copies = {
  mariadb: async (from: string, to: string): Promise<void> => {
    const [source, target] = [from, to].map((url) => new URL(url).pathname.slice(1));
    const connection = await mysql.createConnection(to);
    try {
      const [tables] = await connection.query<mysql.RowDataPacket[]>(
        'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
        [source],
      );
      for (const { name } of tables as unknown as { readonly name: string }[]) {
        await connection.query(`CREATE TABLE ${target}.${name} LIKE ${source}.${name}`);
        await connection.query(`INSERT INTO ${target}.${name} SELECT * FROM ${source}.${name}`);
      }
    } finally {
      await connection.end();
    }
  },
  postgres: async (from: string, to: string): Promise<void> => {
    const [source, target] = [from, to].map((url) => new URL(url).pathname.slice(1));
    const connection = new Client({ connectionString: new URL('/postgres', from).toString() });
    await connection.connect();
    try {
      await connection.query(`DROP DATABASE ${target}`);
      await connection.query(`CREATE DATABASE ${target} TEMPLATE ${source}`);
    } finally {
      await connection.end();
    }
  },
};

describe.each(['mariadb', 'postgres'] as const)('on a server', (kind) => {
  describeWith(kind, (server: TestServer) => {
    const fresh = async (): Promise<string> => (await freshDatabase(server)).url;
    describe('a backup, restored there', () => {
      describeRestore(fresh);
    });

    it('a database that was put back is quarantined: nobody is called before an operator resumes it', async () => {
      const url = await fresh();
      const busy = await busyShop('--store', url, ...onServer);
      await busy.server.kill();
      const target = await fresh();
      await copies[kind](url, target);
      const words = ['store', 'quarantine', '--store', target, ...onServer];
      const counted = expectDone(await commandProcess(...words, '--dry-run'));
      expect(counted.stdout).toMatch(/^to park {5}4$/m);
      expect((await commandProcess(...words, '--no-input')).exitCode).toBe(2);
      const shown = counted.stdout.split('\n')[0]?.split(/\s+/)[1] ?? '';
      const done = expectDone(await commandProcess(...words, `--confirm=${shown}`));
      expect(done.stdout).toMatch(/^parked {6}4$/m);

      const next = await ServerProcess.start(aFolder(), '--store', target, ...onServer);
      await expectHeldUntilResumed(busy, anOperator(next.address));
    });

    it('is where a store of files goes on', async () => {
      const busy = await busyShop();
      await busy.server.kill();
      const target = await fresh();
      const from = `sqlite:${busy.dataDir}`;
      const words = ['store', 'copy', '--from', from, '--to', target, ...onServer];
      const { stdout } = expectDone(await commandProcess(...words));
      expect(stdout).toMatch(
        /^copied {2}4 transactions, 4 of them unfinished; all were compared$/m,
      );
      busy.orders.refusing.clear();
      const { address } = busy.server;
      const flags = ['--store', target, ...onServer, '--grpc-address', address];
      await ServerProcess.start(aFolder(), ...flags);
      const operator = anOperator(address);
      await settled(operator, held, 'confirmed');
      await busy.orders.place('after', busy.client);
      await settled(operator, ['after'], 'confirmed');
    });
  });
});
