/** The server behind a pool of mysql2, whoever made the pool: asked once, all its connections lead to the same kind. */
import type { Connection } from 'mysql2';
import { BarrierError } from '../errors';
import { mysqlDialect } from './mysql-dialect';
import { type MysqlServer, mysqlServerOf } from './mysql-server';
import { ask, resultOf } from './mysql2-ask';
import type { SqlDialect } from './sql-dialect';

/** What is said of a pool whose connections are not in autocommit mode. */
export interface PoolWords {
  /** `the mysql2 pool of database shop at db:3306`. */
  readonly pool: string;
  /** What may have done it, and the other way out. */
  readonly remedy: string;
}

/** What is known of it. */
export class Mysql2Server {
  /** Until the server has said which one it is: what all of them understand. */
  private known: SqlDialect = mysqlDialect({ isMariadb: false, version: [8, 0] });
  private server: MysqlServer | undefined;

  constructor(private readonly words: () => PoolWords) {}

  get dialect(): SqlDialect {
    return this.known;
  }

  /** Which one it is. Rejects with BarrierError where it is too old, or its connections are not in autocommit mode. */
  async behind(connection: Connection): Promise<MysqlServer> {
    if (this.server !== undefined) return this.server;
    const text = 'SELECT VERSION() AS version, @@autocommit AS autocommit';
    const { rows } = resultOf(await ask(connection, text, []));
    if (Number(rows[0]?.['autocommit']) !== 1) {
      const { pool, remedy } = this.words();
      throw new BarrierError(`the connections of ${pool} are not in autocommit mode: ${remedy}`);
    }
    this.server = mysqlServerOf(String(rows[0]?.['version']));
    this.known = mysqlDialect(this.server);
    return this.server;
  }
}
