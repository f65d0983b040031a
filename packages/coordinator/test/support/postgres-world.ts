/** A PostgreSQL store of one test, with a second pair of hands on its database. */
import type { Scheduler } from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { Client } from 'pg';
import { freshDatabase, type TestServer } from '../../../../test/support/servers/describe-with';
import { postgresCare } from '../../src/store/sql/postgres/postgres-care';
import { PostgresServer } from '../../src/store/sql/postgres/postgres-server';
import { postgresStore } from '../../src/store/sql/postgres/postgres-store';
import type { Store } from '../../src/store/store';
import { eventually } from './eventually';

/** A store on the database at `url`. Beats come often. */
export function storeAt(
  url: string,
  over: { readonly scheduler?: Scheduler; readonly unsafeStore?: boolean } = {},
): Store {
  const ports = { clock: systemClock, scheduler: systemScheduler, random: systemRandom };
  return postgresStore({ url, unsafeStore: true, nodeTtlMs: 1_000, ...ports, ...over });
}

/** A database of its own. */
export class PostgresWorld {
  private readonly ends: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly url: string,
    readonly database: string,
    private readonly serverUrl: string,
  ) {}

  static async on(server: TestServer): Promise<PostgresWorld> {
    const { url, name } = await freshDatabase(server);
    return new PostgresWorld(url, name, server.url);
  }

  /** Makes the tables. */
  async migrate(url = this.url): Promise<void> {
    const ports = { clock: systemClock, scheduler: systemScheduler };
    await postgresCare({ url, unsafeStore: true, nodeTtlMs: 200, ...ports }).migrate();
  }

  /** The server below a store, with the tables made. */
  async server(owner: string): Promise<PostgresServer> {
    const ports = { clock: systemClock, scheduler: systemScheduler };
    const options = { ...ports, url: this.url, unsafeStore: true };
    const server = new PostgresServer({ ...options, nodeTtlMs: 1_000, where: owner });
    this.atEnd(() => server.close());
    await server.connect();
    server.own(owner);
    return server;
  }

  /** An open store. */
  async store(incarnation = 'first', url = this.url): Promise<Store> {
    const store = storeAt(url);
    this.atEnd(() => store.close());
    await store.open(incarnation);
    return store;
  }

  /** A connection of somebody else. */
  async client(url = this.url): Promise<Client> {
    const client = new Client({ connectionString: url, application_name: 'somebody' });
    client.on('error', () => undefined);
    await client.connect();
    this.atEnd(() => client.end());
    return client;
  }

  /** A connection to another database of the same server, untouched by this one's settings. */
  async admin(): Promise<Client> {
    return this.client(this.serverUrl);
  }

  /** Ends every connection of the store on the server's side. Resolves when the writer's beat has made a new one. */
  async killStore(admin: Client): Promise<void> {
    const before = await this.backends(admin);
    await admin.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [before]);
    await eventually(async () => {
      const now = await this.backends(admin);
      if (!now.some((pid) => !before.includes(pid))) throw new Error('not connected again');
    });
  }

  /** Process numbers of the store's connections. */
  async backends(admin: Client, waitingForLock = false): Promise<readonly number[]> {
    const { rows } = await admin.query<{ readonly pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'tercet' AND datname = $1
        AND ($2 = false OR wait_event_type = 'Lock')`,
      [this.database, waitingForLock],
    );
    return rows.map(({ pid }) => pid);
  }

  /** Resolves with the backend of the store that waits for a lock. */
  async blocked(admin: Client): Promise<number> {
    let found: number | undefined;
    await eventually(async () => {
      [found] = await this.backends(admin, true);
      if (found === undefined) throw new Error('nobody waits');
    });
    return found ?? 0;
  }

  /** Does it when the world ends, last first. */
  atEnd(end: () => Promise<unknown>): void {
    this.ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.ends.splice(0).reverse()) await end();
  }
}
