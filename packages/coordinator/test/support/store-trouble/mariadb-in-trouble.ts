import { systemClock, systemScheduler } from '@tercet/runtime';
import { mysqlCare } from '../../../src/store/sql/mysql/mysql-care';
import { Hands } from '../mysql-world';
import { type ServerError, type StoreInTrouble, writtenTables } from './store-in-trouble';

/** Events of a row that end in an error. */
const events = ['INSERT', 'UPDATE'] as const;

let accounts = 0;

/** A MariaDB database, its tables made, and an account for the coordinator. */
export class MariadbInTrouble implements StoreInTrouble {
  private constructor(
    private readonly rootUrl: string,
    readonly url: string,
    private readonly user: string,
    private readonly hands: Hands,
  ) {}

  static async at(rootUrl: string): Promise<MariadbInTrouble> {
    const ports = { clock: systemClock, scheduler: systemScheduler };
    await mysqlCare({ url: rootUrl, unsafeStore: true, nodeTtlMs: 1_000, ...ports }).migrate();
    const hands = await Hands.at(rootUrl);
    const user = `trouble_${process.pid}_${++accounts}`;
    await hands.run(`CREATE USER ${user}`);
    const url = new URL(rootUrl);
    url.username = user;
    const made = new MariadbInTrouble(rootUrl, url.toString(), user, hands);
    await made.rights('GRANT SELECT, INSERT, UPDATE, DELETE ON', 'TO');
    return made;
  }

  async fail(error: ServerError | undefined): Promise<void> {
    for (const table of writtenTables) {
      for (const event of events) {
        const name = `fails_${table}_${event.toLowerCase()}`;
        if (error === undefined) {
          await this.hands.run(`DROP TRIGGER ${name}`);
          continue;
        }
        const { errno, sqlState } = error.mariadb;
        await this.hands.run(
          `CREATE TRIGGER ${name} BEFORE ${event} ON ${table} FOR EACH ROW
             SIGNAL SQLSTATE '${sqlState}' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'made to fail'`,
        );
      }
    }
  }

  async readOnly(on: boolean): Promise<void> {
    if (on) await this.rights('REVOKE INSERT, UPDATE, DELETE ON', 'FROM');
    else await this.rights('GRANT INSERT, UPDATE, DELETE ON', 'TO');
  }

  async hold(gid: string): Promise<() => Promise<void>> {
    const other = await Hands.at(this.rootUrl);
    await other.run('BEGIN', `SELECT 1 FROM transactions WHERE gid = '${gid}' FOR UPDATE`);
    return async () => {
      await other.run('ROLLBACK');
      await other.end();
    };
  }

  async statusOf(gid: string): Promise<string | undefined> {
    const [row] = await this.hands.run(`SELECT status FROM transactions WHERE gid = '${gid}'`);
    return row && String(row['status']);
  }

  async end(): Promise<void> {
    await this.hands.run(`DROP USER ${this.user}`);
    await this.hands.end();
  }

  /** Of every table: rights of a whole database are looked at when a connection enters it, those of tables always. */
  private async rights(what: string, whose: 'TO' | 'FROM'): Promise<void> {
    const tables = (await this.hands.run('SHOW TABLES')).map((row) =>
      String(Object.values(row)[0]),
    );
    for (const table of tables) await this.hands.run(`${what} ${table} ${whose} ${this.user}`);
  }
}
