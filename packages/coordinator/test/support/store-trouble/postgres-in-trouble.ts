import { systemClock, systemScheduler } from '@tercet/runtime';
import { Client } from 'pg';
import { postgresCare } from '../../../src/store/sql/postgres/postgres-care';
import type { ServerError, StoreInTrouble } from './store-in-trouble';
import { writtenTables } from './store-in-trouble';

/** A PostgreSQL database, its tables made. */
export class PostgresInTrouble implements StoreInTrouble {
  private constructor(
    readonly url: string,
    private readonly hands: Client,
  ) {}

  static async at(url: string): Promise<PostgresInTrouble> {
    const ports = { clock: systemClock, scheduler: systemScheduler };
    await postgresCare({ url, unsafeStore: true, nodeTtlMs: 1_000, ...ports }).migrate();
    return new PostgresInTrouble(url, await connected(url));
  }

  async fail(error: ServerError | undefined): Promise<void> {
    if (error === undefined) {
      await this.hands.query('DROP FUNCTION fails CASCADE');
      return;
    }
    const triggers = writtenTables.map(
      (table) =>
        `CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON ${table} EXECUTE FUNCTION fails()`,
    );
    await this.hands.query(
      `CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''made to fail'' USING ERRCODE = ''${error.postgres}''; END';
       ${triggers.join(';')}`,
    );
  }

  async readOnly(on: boolean): Promise<void> {
    const database = new URL(this.url).pathname.slice(1);
    await this.hands.query(`ALTER DATABASE ${database} SET default_transaction_read_only = ${on}`);
    // What was told to sessions holds for new ones alone.
    await this.hands.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }

  async hold(gid: string): Promise<() => Promise<void>> {
    const other = await connected(this.url);
    await other.query('BEGIN');
    await other.query('SELECT FROM transactions WHERE gid = $1 FOR UPDATE', [gid]);
    return async () => {
      await other.query('ROLLBACK');
      await other.end();
    };
  }

  async statusOf(gid: string): Promise<string | undefined> {
    const { rows } = await this.hands.query<{ readonly status: string }>(
      'SELECT status FROM transactions WHERE gid = $1',
      [gid],
    );
    return rows[0]?.status;
  }

  async end(): Promise<void> {
    await this.hands.end();
  }
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  // Whatever the database's default is by now.
  await client.query('SET default_transaction_read_only = off');
  return client;
}
