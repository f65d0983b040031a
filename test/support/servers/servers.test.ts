/** The servers that other tests rely on. */
import { expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { describeWith, freshDatabase } from './describe-with';

describeWith('mariadb', (server) => {
  test('has a database of its own for each test file', async () => {
    const database = await freshDatabase(server);
    const connection = await createConnection(database.url);
    const [rows] = await connection.query('SELECT DATABASE() AS name');
    await connection.end();
    expect(rows).toEqual([{ name: database.name }]);
  });
});

describeWith('postgres', (server) => {
  test('has a database of its own for each test file', async () => {
    const database = await freshDatabase(server);
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query('SELECT current_database() AS name');
    await client.end();
    expect(rows).toEqual([{ name: database.name }]);
  });
});

describeWith('redis', (server) => {
  test('has a database of its own for each test file', async () => {
    const [one, other] = [await freshDatabase(server), await freshDatabase(server)];
    const clients = [new Redis(one.url), new Redis(other.url)] as const;
    await clients[0].set('key', 'value');
    expect(await clients[1].dbsize()).toBe(0);
    for (const client of clients) client.disconnect();
    expect(one.name).not.toBe(other.name);
  });
});

describeWith('redis-cluster', (server) => {
  test('keeps keys on three masters', async () => {
    const cluster = new Cluster([server.url]);
    for (let key = 0; key < 30; key += 1) await cluster.set(`key-${key}`, key);
    expect(await cluster.get('key-29')).toBe('29');
    expect(cluster.nodes('master')).toHaveLength(3);
    cluster.disconnect();
  });
});
