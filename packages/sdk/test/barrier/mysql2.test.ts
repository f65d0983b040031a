/** `mysql2Barrier` on a real MariaDB keeps the contract of adapters, at every isolation level. */
import type { PoolOptions } from 'mysql2/promise';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { adapterContract } from './adapter-contract';
import { asMysql8, levels, mysql2World, type PoolPlan, rowsOf } from './mysql2-world';

/** Everything that a pool may be told about statements and rows. */
const peculiar: PoolOptions = {
  rowsAsArray: true,
  nestTables: '_',
  typeCast: false,
  namedPlaceholders: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
  charset: 'latin1',
  flags: ['-FOUND_ROWS'],
};

describeWith('mariadb', (server) => {
  const plans: [string, PoolPlan][] = [
    ...levels.map((level): [string, PoolPlan] => [`at ${level}`, { level }]),
    // Nothing of it is MariaDB's own: the statements are those for MySQL.
    ['speaking as to MySQL 8', { onConnection: asMysql8 }],
    ['whose pool reads rows in its own way', { options: peculiar }],
  ];
  for (const [title, plan] of plans) {
    adapterContract({
      name: `mysql2 ${title}`,
      makeDatabase: () => mysql2World(server, plan),
      run: async (db, sql) => rowsOf(await db.query(sql)),
      isConcurrent: true,
      forbidden: ['COMMIT', 'ROLLBACK', 'BEGIN', 'SET autocommit = 1', 'CREATE TABLE x (y INT)'],
    });
  }
});
