/** How a cluster for tests is found, and where it listens. What it does is tested by those that use it. */
import { expect, test } from '@jest/globals';
import { freePorts } from './local-galera-ports';
import { missingForGalera } from './local-galera-programs';

test('a machine on which nothing is installed misses every program', () => {
  expect(missingForGalera({ PATH: '' })).toEqual(
    expect.arrayContaining(['mariadbd', 'mariadb-install-db', 'wsrep_sst_rsync', 'rsync']),
  );
});

test('no two ports of a cluster are the same, and the system gives none of them to connections', async () => {
  const ports = (await freePorts(3)).flatMap((node) => Object.values(node) as number[]);
  expect(new Set(ports).size).toBe(12);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
