/** What the server must be and have, read when the store is opened. */
import { TercetError } from '@tercet/core';
import type { Prerequisite } from '../../store-report';
import type { Session } from './session';

/** What is known of the server. */
export interface ServerFacts {
  /** As it says it: `10.11.6-MariaDB`. */
  readonly version: string;
  readonly isMariaDb: boolean;
  /** Whether it is a node of a Galera cluster. */
  readonly isCluster: boolean;
  /** Longest message that it takes, bytes. */
  readonly packetBytesMax: number;
}

const oldest = { mariadb: [10, 6], mysql: [8, 0] } as const;

const names = [
  'version',
  'max_allowed_packet',
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'sync_binlog',
  'wsrep_on',
];

/**
 * Rejects with STORE_INCOMPATIBLE where the server is too old or of a kind that is not supported, and with CONFIG_INVALID
 * where it does not make every commit durable, or stands behind a proxy that takes connections apart, unless `unsafeStore` says
 * that this is wanted.
 */
export async function readServer(session: Session, unsafeStore: boolean): Promise<ServerFacts> {
  const settings = await readSettings(session);
  const version = settings.get('version') ?? '';
  const isMariaDb = /mariadb/i.test(version);
  const isCluster = isOn(settings.get('wsrep_on'));
  assertVersion(version, isMariaDb);
  if (isCluster && !isMariaDb) {
    throw new TercetError('STORE_INCOMPATIBLE', {
      message: `the store is a node of a Galera cluster that runs on ${version}; of these only MariaDB's can be used`,
    });
  }
  if (!unsafeStore) {
    assertDurable(settings);
    await assertDirect(session);
  }
  const packetBytesMax = Number(settings.get('max_allowed_packet'));
  return { version, isMariaDb, isCluster, packetBytesMax };
}

function assertVersion(version: string, isMariaDb: boolean): void {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [least, leastMinor] = oldest[isMariaDb ? 'mariadb' : 'mysql'];
  if (major > least || (major === least && minor >= leastMinor)) return;
  throw new TercetError('STORE_INCOMPATIBLE', {
    message: `the store runs on ${version}; it needs MariaDB 10.6 or MySQL 8.0, or later`,
  });
}

function assertDurable(settings: ReadonlyMap<string, string>): void {
  const wrong = durability(settings)
    .filter(({ met }) => !met)
    .map(({ name, value, wanted }) => `${name} is ${value}, it must be ${wanted}`);
  if (wrong.length === 0) return;
  throw new TercetError('CONFIG_INVALID', {
    message:
      `the store's server may lose commits that it has answered: ${wrong.join('; ')}. ` +
      'Set it in the server, or start with --unsafe-store where losing transactions does not matter',
    details: { option: 'store' },
  });
}

/**
 * A server greets with the number that it gives a connection. A proxy that speaks the protocol itself greets with a number of its
 * own: what is set for a session, and what follows an error, may then reach another connection, and reads another server.
 */
async function assertDirect(session: Session): Promise<void> {
  // Not the bare function: proxies answer that by themselves.
  const [answer] = await session.run(['SELECT CONNECTION_ID()+0 AS id']);
  const id = Number(answer?.rows[0]?.['id']);
  const greeted = session.greeted;
  // The greeting has room for 32 bits.
  if (greeted === undefined || id % 2 ** 32 === greeted) return;
  throw new TercetError('CONFIG_INVALID', {
    message:
      'between the coordinator and the store stands a proxy that shares connections: it cannot be used. ' +
      'Name the server itself, or a proxy that passes TCP connections on as they are',
    details: { option: 'store' },
  });
}

/** The settings that make every commit durable, as the server has them. */
export async function durabilityOf(session: Session): Promise<readonly Prerequisite[]> {
  return durability(await readSettings(session));
}

function durability(settings: ReadonlyMap<string, string>): readonly Prerequisite[] {
  const flush = settings.get('innodb_flush_log_at_trx_commit') ?? '';
  const sync = settings.get('sync_binlog') ?? '';
  const hasBinlog = isOn(settings.get('log_bin'));
  return [
    { name: 'innodb_flush_log_at_trx_commit', value: flush, wanted: '1', met: flush === '1' },
    {
      name: 'sync_binlog',
      value: sync,
      wanted: '1 where the binary log is on',
      met: !hasBinlog || sync === '1',
    },
  ];
}

async function readSettings(session: Session): Promise<ReadonlyMap<string, string>> {
  const list = names.map((name) => `'${name}'`).join(',');
  const [answer] = await session.run([`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list})`]);
  return new Map(
    (answer?.rows ?? []).map((row) => [String(row['Variable_name']), String(row['Value'])]),
  );
}

/** Whether a switch of the server is on. */
export function isOn(value: unknown): boolean {
  return value === 'ON' || value === '1';
}
