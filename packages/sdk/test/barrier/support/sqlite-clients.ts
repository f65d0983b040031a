/** Clients for knex on the API of node:sqlite: as users write one, and one with the names of better-sqlite3. */
import { DatabaseSync } from '@photostructure/sqlite';

type Connection = InstanceType<typeof DatabaseSync>;
type Statement = ReturnType<Connection['prepare']>;

interface Asked {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  response?: unknown;
  context?: unknown;
}

interface BaseClient {
  readonly connectionSettings: { readonly filename: string };
  _formatBindings(bindings: readonly unknown[] | undefined): never[];
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- knex exports its clients by path only
const Base = require('knex/lib/dialects/better-sqlite3') as new (...args: never[]) => BaseClient;

/** Names neither driver nor dialect: they are its base's. */
export class NodeSqliteClient extends Base {
  _driver(): typeof DatabaseSync {
    return DatabaseSync;
  }

  async acquireRawConnection(): Promise<object> {
    return new DatabaseSync(this.connectionSettings.filename);
  }

  async _query(connection: Connection, asked: Asked): Promise<Asked> {
    const statement = connection.prepare(asked.sql);
    const bindings = this._formatBindings(asked.bindings);
    if (statement.columns().length > 0) {
      asked.response = statement.all(...bindings);
      return asked;
    }
    const { lastInsertRowid, changes } = statement.run(...bindings);
    asked.response = { lastInsertRowid, changes };
    asked.context = { lastID: Number(lastInsertRowid), changes: Number(changes) };
    return asked;
  }
}

/** `Database` of better-sqlite3, as far as knex and the barrier use it. */
class BetterDatabase {
  private readonly real: Connection;

  constructor(filename: string) {
    this.real = new DatabaseSync(filename);
  }

  get inTransaction(): boolean {
    return this.real.isTransaction;
  }

  exec(sql: string): this {
    this.real.exec(sql);
    return this;
  }

  prepare(sql: string): object {
    return new BetterStatement(this.real.prepare(sql));
  }

  close(): this {
    this.real.close();
    return this;
  }
}

/** Takes its parameters as one array, or one by one. */
class BetterStatement {
  constructor(private readonly real: Statement) {}

  get reader(): boolean {
    return this.real.columns().length > 0;
  }

  all(...params: unknown[]): unknown {
    return this.real.all(...flat(params));
  }

  run(...params: unknown[]): unknown {
    return this.real.run(...flat(params));
  }
}

function flat(params: unknown[]): never[] {
  return params.flat() as never[];
}

/** Knex's own client for better-sqlite3, which wants Node 22 or a compiler, on the stand-in. */
export class BetterSqlite3Client extends Base {
  _driver(): typeof BetterDatabase {
    return BetterDatabase;
  }

  async acquireRawConnection(): Promise<object> {
    return new BetterDatabase(this.connectionSettings.filename);
  }
}

/** Its connections can do nothing. */
export class SilentClient extends BetterSqlite3Client {
  override async acquireRawConnection(): Promise<object> {
    return { close: () => undefined };
  }
}
