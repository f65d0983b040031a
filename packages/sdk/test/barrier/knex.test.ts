/** `knexBarrier` keeps the contract of adapters: on PostgreSQL and MariaDB at every isolation level, and on SQLite. */
import { describeWith } from '../../../../test/support/servers/describe-with';
import { adapterContract } from './adapter-contract';
import { levels, mariadbWorld, postgresWorld, rowsOf, sqliteWorld } from './support/knex-shop';

describeWith('postgres', (server) => {
  for (const level of levels) {
    adapterContract({
      name: `knex on PostgreSQL at ${level}`,
      makeDatabase: () => postgresWorld(server, level),
      run: (db, sql) => rowsOf(db.raw(sql)),
      isConcurrent: true,
      forbidden: ['COMMIT', 'ROLLBACK', 'BEGIN', 'END', 'COMMIT AND CHAIN'],
    });
  }
});

describeWith('mariadb', (server) => {
  for (const level of levels) {
    adapterContract({
      name: `knex on MariaDB at ${level}`,
      makeDatabase: () => mariadbWorld(server, level),
      run: (db, sql) => rowsOf(db.raw(sql)),
      isConcurrent: true,
      forbidden: ['COMMIT', 'ROLLBACK', 'BEGIN', 'SET autocommit = 1', 'CREATE TABLE x (y INT)'],
    });
  }
});

adapterContract({
  name: 'knex on SQLite',
  makeDatabase: sqliteWorld,
  run: (db, sql) => rowsOf(db.raw(sql)),
  isConcurrent: false,
});
