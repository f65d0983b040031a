/**
 * Recipe: an optimistic-lock update with a version column, on SQLite. See version-column-mariadb.ts for a server with many
 * writers at a time.
 *
 * For rows whose new value is computed in code, and for customers who must get what they saw: a price, a description. Where
 * one UPDATE can say it all (`available = available - 3 WHERE available >= 3`), no version is needed.
 */
import type { TccHandlers } from '@tercet/sdk';
import type { Database } from './database';
import type { shelf } from './definitions';

/** The table of this recipe. */
export const versionedArticle = `CREATE TABLE IF NOT EXISTS article (
  sku       TEXT PRIMARY KEY,
  available INTEGER NOT NULL CHECK (available >= 0),
  reserved  INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  version   INTEGER NOT NULL DEFAULT 1
)`;

interface Article {
  readonly available: number;
  readonly version: number;
}

/** The handlers. */
export const versionedShelf: TccHandlers<typeof shelf, Database> = {
  reserve: {
    try({ sku, quantity, seenVersion }, ctx) {
      const article = ctx.db
        .prepare('SELECT available, version FROM article WHERE sku = ?')
        .get(sku) as Article | undefined;
      if (article === undefined) return ctx.reject('no such article', { sku });
      const { version } = article;
      // The customer decided on what is not there any more: final, somebody has to look again.
      if (seenVersion !== 0 && seenVersion !== version) {
        return ctx.reject('the article has changed', { sku, version });
      }
      const left = article.available - quantity;
      if (left < 0) return ctx.reject('too few on the shelf', { sku });
      const { changes } = ctx.db
        .prepare(
          `UPDATE article SET available = ?, reserved = reserved + ?, version = version + 1
           WHERE sku = ? AND version = ?`,
        )
        .run(left, quantity, sku, version);
      // Somebody was faster. It was not applied, and may well succeed the next time.
      if (Number(changes) !== 1) return ctx.retry({ reason: 'the article has just changed' });
      return { left };
    },
    // What Try has promised must succeed: no version is asked for any more.
    confirm({ sku, quantity }, ctx) {
      ctx.db
        .prepare('UPDATE article SET reserved = reserved - ?, version = version + 1 WHERE sku = ?')
        .run(quantity, sku);
    },
    cancel({ sku, quantity }, ctx) {
      ctx.db
        .prepare(
          `UPDATE article SET reserved = reserved - ?, available = available + ?, version = version + 1
           WHERE sku = ?`,
        )
        .run(quantity, quantity, sku);
    },
  },
};
