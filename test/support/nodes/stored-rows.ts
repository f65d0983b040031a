/** What a shared store holds, read (and written) behind the coordinators' backs. */
import { type Connection, type RowDataPacket, createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterTest } from '../clean-up';

/** A transaction's row, as far as tests look at it. */
export interface StoredTransaction {
  readonly owner: string;
  readonly epoch: number;
  readonly status: string;
  readonly branches: number;
}

/** Runs one statement without parameters; its rows. */
type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** One connection to the store's database. */
export class StoredRows {
  private constructor(private readonly query: Query) {}

  /** `url`: of the database. Its connection ends after the test. */
  static async open(url: string): Promise<StoredRows> {
    return new StoredRows(await (url.startsWith('postgres') ? onPostgres(url) : onMysql(url)));
  }

  /** Undefined = there is no such row. */
  async transaction(gid: string): Promise<StoredTransaction | undefined> {
    const columns = 'owner, epoch, status, branches';
    const [row] = await this.query(`SELECT ${columns} FROM transactions WHERE gid = '${gid}'`);
    if (row === undefined) return undefined;
    return {
      owner: String(row['owner']),
      epoch: Number(row['epoch']),
      status: String(row['status']),
      branches: Number(row['branches']),
    };
  }

  /** How many branches of a gid stand in the store, whatever its row says. */
  async registered(gid: string): Promise<number> {
    return await this.count(`FROM registrations WHERE gid = '${gid}'`);
  }

  /** Transactions that have not finished. */
  async unfinished(): Promise<number> {
    return await this.count('FROM transactions WHERE open_owner IS NOT NULL');
  }

  /** Incarnations of the live nodes, sorted. */
  async nodes(): Promise<readonly string[]> {
    const rows = await this.query('SELECT incarnation FROM nodes ORDER BY incarnation');
    return rows.map((row) => String(row['incarnation']));
  }

  /** Makes a row one of another format. */
  async setFormat(gid: string, format: number): Promise<void> {
    await this.query(`UPDATE transactions SET format = ${format} WHERE gid = '${gid}'`);
  }

  private async count(from: string): Promise<number> {
    const [row] = await this.query(`SELECT COUNT(*) AS rows_found ${from}`);
    return Number(row?.['rows_found']);
  }
}

async function onMysql(url: string): Promise<Query> {
  const connection: Connection = await createConnection(url);
  afterTest(() => connection.end());
  return async (sql) => {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  };
}

async function onPostgres(url: string): Promise<Query> {
  const client = new Client({ connectionString: url });
  await client.connect();
  afterTest(() => client.end());
  return async (sql) => (await client.query<Record<string, unknown>>(sql)).rows;
}
