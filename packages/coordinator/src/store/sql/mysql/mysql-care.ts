/** A store on MySQL or MariaDB as operators look after it. */
import { hostname } from 'node:os';
import type { Clock, Scheduler } from '@tercet/core';
import type { SchemaFacts, StoreCare } from '../../store-report';
import { watchNodes } from '../watch-nodes';
import { addressOf } from './address';
import { failureOf, mysqlError } from './failures';
import { migrations } from './migrations';
import { MysqlServer } from './mysql-server';
import { readNodes } from './nodes';
import { packetForm } from './packet-form';
import { durabilityOf, readServer } from './prerequisites';
import { Session, StatementError } from './session';
import { firstSetup } from './session-setup';
import { sqlBuilder } from './sql-builder';

/** Where the store is, and how it is looked at. */
export interface MysqlCareOptions {
  /** Never shown. */
  readonly url: string;
  /** Migrate a server that may lose what it has confirmed. */
  readonly unsafeStore: boolean;
  /** The machine's clock. */
  readonly clock: Clock;
  /** The machine's timers. */
  readonly scheduler: Scheduler;
  /** For how long whoever has the store is watched, ms. */
  readonly nodeTtlMs: number;
}

/** Of the store at a URL. Throws CONFIG_INVALID where the URL is wrong. */
export function mysqlCare(options: MysqlCareOptions): StoreCare {
  const { url, ...deps } = options;
  const address = addressOf(url);
  return {
    async check() {
      const { scheduler } = deps;
      const session = new Session({ address, scheduler, form: packetForm, setup: firstSetup });
      try {
        // What is missing is what the check tells: it is no reason to refuse the server here.
        const { version, isMariaDb } = await readServer(session, true);
        const schema = await schemaOf(session);
        const nodes = () => readNodes(session);
        return {
          server: isMariaDb ? `MariaDB ${version.replace(/-MariaDB.*$/i, '')}` : `MySQL ${version}`,
          schema,
          current: migrations(sqlBuilder()).at(-1)?.version ?? 0,
          prerequisites: await durabilityOf(session),
          nodes: schema === undefined ? [] : await watchNodes({ ...deps, nodes }),
        };
      } finally {
        await session.close();
      }
    },
    async migrate() {
      const where = `${hostname()}, process ${process.pid}`;
      const server = new MysqlServer({ ...deps, address, where });
      try {
        await server.connect();
      } finally {
        await server.close();
      }
    },
  };
}

async function schemaOf(session: Session): Promise<SchemaFacts | undefined> {
  try {
    const select = 'SELECT version,min_reader FROM schema_version WHERE id=1';
    const [answer] = await session.attempt([select]);
    const row = answer?.rows[0];
    // 0 = somebody is about to make it.
    if (row === undefined || Number(row['version']) === 0) return undefined;
    return { version: Number(row['version']), minReader: Number(row['min_reader']) };
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    if (error.error.errno === mysqlError.NO_SUCH_TABLE) return undefined;
    throw failureOf(error.error);
  }
}
