import { describe, expect, test } from '@jest/globals';
import { watchedDatabase } from './watched-database';

class Connection {
  readonly #rows: string[] = ['a'];
  readonly raw = { toString: () => 'raw' };
  closed = false;

  query(sql: string): string {
    return `${sql}: ${this.#rows.join()}`;
  }

  get size(): number {
    return this.#rows.length;
  }
}

function watched<T>(db: T): { readonly db: T; readonly uses: () => number } {
  let uses = 0;
  return {
    db: watchedDatabase(db, () => {
      uses += 1;
    }),
    uses: () => uses,
  };
}

describe('a watched database', () => {
  test('counts calls of its functions, and lets them reach their private fields', () => {
    const { db, uses } = watched(new Connection());
    expect(db.query('select')).toBe('select: a');
    expect(db.query('select')).toBe('select: a');
    expect(uses()).toBe(2);
  });

  test('counts no look at a property', () => {
    const { db, uses } = watched(new Connection());
    expect([db.size, db.closed, String(db.raw), db instanceof Connection]).toEqual([
      1,
      false,
      'raw',
      true,
    ]);
    db.closed = true;
    expect(db.closed).toBe(true);
    expect('query' in db).toBe(true);
    expect(Object.keys(db)).toEqual(['raw', 'closed']);
    expect(uses()).toBe(0);
  });

  test('may be a function with functions of its own, as a query builder is', () => {
    const builder = Object.assign((table: string) => `from ${table}`, {
      raw: (sql: string) => sql,
    });
    const { db, uses } = watched(builder);
    expect(db('stock')).toBe('from stock');
    expect(db.raw('now()')).toBe('now()');
    expect(typeof db).toBe('function');
    expect(uses()).toBe(2);
  });

  test('may be frozen', () => {
    const { db, uses } = watched(Object.freeze({ apply: () => 1 }));
    expect(db.apply()).toBe(1);
    expect(uses()).toBe(1);
  });

  test('throws what the watcher throws, and does nothing then', () => {
    let done = 0;
    const db = watchedDatabase({ query: () => (done += 1) }, () => {
      throw new Error('dead');
    });
    expect(() => db.query()).toThrow('dead');
    expect(done).toBe(0);
  });

  test('is what it is where it is no object', () => {
    expect(watched(undefined).db).toBeUndefined();
    expect(watched(5).db).toBe(5);
  });
});
