/** `pgBarrier` on a real PostgreSQL keeps the contract of adapters, at every isolation level. */
import type { PoolConfig } from 'pg';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { adapterContract } from './adapter-contract';
import { levels, pgWorld, rowsOf } from './pg-world';

describeWith('postgres', (server) => {
  for (const level of levels) {
    adapterContract({
      name: `pg at ${level}`,
      makeDatabase: () => pgWorld(server, { level }),
      run: async (db, sql) => rowsOf(await db.query(sql)),
      isConcurrent: true,
      forbidden: [
        'COMMIT',
        'ROLLBACK',
        'BEGIN',
        'END',
        'ABORT;',
        '/* so */ commit',
        'SELECT 1; COMMIT',
        'COMMIT AND CHAIN',
      ],
    });
  }
  // As programs do that want bytes or numbers in another form.
  const odd: readonly [string, PoolConfig][] = [
    ['own type parsers', { types: { getTypeParser: () => () => 'mine' } }],
    ['binary answers', { binary: true } as PoolConfig],
    ['escaped bytes', { options: '-c bytea_output=escape -c lock_timeout=7s' }],
    [
      'strings with backslashes',
      { options: '-c standard_conforming_strings=off -c lock_timeout=7s' },
    ],
  ];
  for (const [name, more] of odd) {
    adapterContract({
      name: `pg with ${name}`,
      makeDatabase: () => pgWorld(server, { more }),
      run: async (db, sql) => rowsOf(await db.query(sql)),
      isConcurrent: true,
    });
  }
});
