/**
 * Recipe: an optimistic-lock update with a version column, on MariaDB or MySQL. The SQL is that of version-column-sqlite.ts;
 * what differs is what happens when somebody is faster.
 *
 * At REPEATABLE READ, the default, a plain SELECT goes on to see what it saw first, while UPDATE sees the present row. So a
 * handler that reads again in the same transaction reads the old version again, and loops for ever. `ctx.retry` ends the
 * local transaction instead: the Try comes again, and its new transaction reads what is.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Mysql2Transaction } from '@tercet/sdk/mysql2';
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import type { shelf } from './definitions';

/** The table of this recipe. */
export const versionedArticleTable = `CREATE TABLE IF NOT EXISTS article (
  sku       VARCHAR(64) PRIMARY KEY,
  available INT NOT NULL CHECK (available >= 0),
  reserved  INT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  version   INT NOT NULL DEFAULT 1
) ENGINE = InnoDB`;

interface Article extends RowDataPacket {
  readonly available: number;
  readonly version: number;
}

/** The handlers. */
export const versionedShelfOnMariadb: TccHandlers<typeof shelf, Mysql2Transaction> = {
  reserve: {
    async try({ sku, quantity, seenVersion }, ctx) {
      const [[article]] = await ctx.db.execute<Article[]>(
        'SELECT available, version FROM article WHERE sku = ?',
        [sku],
      );
      if (article === undefined) return ctx.reject('no such article', { sku });
      const { version } = article;
      if (seenVersion !== 0 && seenVersion !== version) {
        return ctx.reject('the article has changed', { sku, version });
      }
      const left = article.available - quantity;
      if (left < 0) return ctx.reject('too few on the shelf', { sku });
      const [{ affectedRows }] = await ctx.db.execute<ResultSetHeader>(
        `UPDATE article SET available = ?, reserved = reserved + ?, version = version + 1
         WHERE sku = ? AND version = ?`,
        [left, quantity, sku, version],
      );
      if (affectedRows !== 1) return ctx.retry({ reason: 'the article has just changed' });
      return { left };
    },
    async confirm({ sku, quantity }, ctx) {
      await ctx.db.execute(
        'UPDATE article SET reserved = reserved - ?, version = version + 1 WHERE sku = ?',
        [quantity, sku],
      );
    },
    async cancel({ sku, quantity }, ctx) {
      await ctx.db.execute(
        `UPDATE article SET reserved = reserved - ?, available = available + ?, version = version + 1
         WHERE sku = ?`,
        [quantity, quantity, sku],
      );
    },
  },
};
