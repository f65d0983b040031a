/** `sqliteBarrier` keeps the contract of adapters. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { sqliteBarrier } from '../../src/barrier/sqlite';
import { type ContractRow, adapterContract } from './adapter-contract';

type Connection = InstanceType<typeof DatabaseSync>;

function rowsOf(connection: Connection, sql: string): readonly ContractRow[] {
  return connection.prepare(sql).all() as ContractRow[];
}

adapterContract<Connection>({
  name: 'sqlite',
  isConcurrent: false,
  forbidden: ['COMMIT', 'ROLLBACK', 'BEGIN', 'END', '/* so */ commit'],
  run: async (db, sql) => rowsOf(db, sql),
  makeDatabase: async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tercet-sqlite-contract-'));
    const open = () => new DatabaseSync(path.join(folder, 'shop.db'));
    const connection = open();
    const outside = open();
    return {
      barrier: sqliteBarrier(connection),
      barrierWith: (options) => sqliteBarrier(connection, options),
      exec: async (sql) => rowsOf(outside, sql),
      expectClean: async () => expect(connection.isTransaction).toBe(false),
      close: async () => {
        connection.close();
        outside.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
});
