/** Breaks connections of mysql2 at chosen statements: the answer of a COMMIT that is lost, a ROLLBACK that fails. */
import type { PoolConnection } from 'mysql2';

type Callback = (error: Error | null, ...rest: unknown[]) => void;

/** Watches the connections of a pool. */
export class CommitCutter {
  private cut: 'before' | 'after' | undefined;
  private failing: string | undefined;
  private silent: string | undefined;

  /** The next COMMIT of the barrier is lost, before the server sees it or after it was carried out. */
  cutNext(when: 'before' | 'after'): void {
    this.cut = when;
  }

  /** The next statement that begins so is answered with an error. */
  failNext(start: string): void {
    this.failing = start;
  }

  /** The next statement that begins so never arrives: the link is dead, and nobody says so. */
  silenceNext(start: string): void {
    this.silent = start;
  }

  /** Stands in front of the connection's own `query`. */
  watch(connection: PoolConnection): void {
    const query = connection.query.bind(connection) as (...args: unknown[]) => unknown;
    const watched = (what: { readonly sql?: string } | string, ...rest: unknown[]): unknown => {
      const sql = typeof what === 'string' ? what : (what.sql ?? '');
      const told = rest.at(-1) as Callback;
      if (this.failing !== undefined && sql.startsWith(this.failing)) {
        this.failing = undefined;
        told(new Error('it failed'));
        return undefined;
      }
      if (this.silent !== undefined && sql.startsWith(this.silent)) {
        this.silent = undefined;
        return undefined;
      }
      const { cut } = this;
      if (cut === undefined || !sql.startsWith('SET autocommit = 1')) return query(what, ...rest);
      this.cut = undefined;
      const lost = Object.assign(new Error('Connection lost'), {
        code: 'PROTOCOL_CONNECTION_LOST',
      });
      const end = (): void => {
        connection.destroy();
        told(lost);
      };
      if (cut === 'after') return query(what, end);
      end();
      return undefined;
    };
    connection.query = watched as unknown as PoolConnection['query'];
  }
}
