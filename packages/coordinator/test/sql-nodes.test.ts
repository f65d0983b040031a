/** Nodes that share a server, with beats of their own (N1–N5): on each family of servers. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Scheduler } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { ROW_FORMAT } from '../src/store/rows/columns';
import type { NodesListener, Store } from '../src/store/store';
import { eventually } from './support/eventually';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import type { SqlDatabase } from './support/nodes-fixture';
import { PostgresWorld, storeAt } from './support/postgres-world';
import { confirming, decide, extend, open, trying, withMore } from './support/transaction-moves';

jest.setTimeout(60_000);

/** More than any ttl here, and time for a busy machine. */
const PATIENCE_MS = 20_000;

describeWith('mariadb', (server) => {
  describeNodes('mysql', async () => {
    const { url } = await freshDatabase(server);
    const hands = await Hands.at(url);
    return {
      store: (scheduler) => mysqlStoreAt(url, scheduler && { scheduler }),
      run: (statement) => hands.run(statement),
      end: () => hands.end(),
    };
  });
});

describeWith('postgres', (server) => {
  describeNodes('postgres', async () => {
    const world = await PostgresWorld.on(server);
    const client = await world.client();
    return {
      store: (scheduler) => storeAt(world.url, scheduler && { scheduler }),
      run: async (statement) => (await client.query<object>(statement)).rows,
      end: () => world.end(),
    };
  });
});

function describeNodes(name: string, make: () => Promise<SqlDatabase>): void {
  describe(`nodes that share ${name}`, () => {
    let database: SqlDatabase;
    const stores: Store[] = [];
    beforeEach(async () => {
      database = await make();
    });
    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close();
      await database.end();
    });

    const node = async (incarnation: string, scheduler?: Scheduler) => {
      const store = database.store(scheduler);
      const told: (keyof NodesListener)[] = [];
      store.nodes?.listen({
        onGone: () => told.push('onGone'),
        onRemoved: () => told.push('onRemoved'),
      });
      stores.push(store);
      await store.open(incarnation);
      return { store, told };
    };

    it('remove one that stands still, go on with its work, and it finds out when it wakes up (N1, N3, I8)', async () => {
      const asleep = new ManualTime();
      const [paused, awake] = [await node('paused', asleep), await node('awake')];
      const row = trying('a');
      await paused.store.write([open(row)]);
      expect(await awake.store.claim(10)).toEqual([]);
      await eventually(() => expect(awake.told).toContain('onGone'), PATIENCE_MS);
      expect(await awake.store.claim(10)).toEqual([{ ...row, epoch: 2 }]);

      // It wakes up in the middle of what it was doing: nothing of that matches.
      for (const late of [extend(withMore(row), 2), decide(confirming(row))]) {
        expect(await paused.store.write([late])).toMatchObject([
          { kind: 'refused', row: { owner: 'awake', epoch: 2, branches: 2 } },
        ]);
      }
      await asleep.advance(300);
      await eventually(() => expect(paused.told).toEqual(['onRemoved']), PATIENCE_MS);
      await expect(paused.store.write([open(trying('b'))])).rejects.toMatchObject({
        kind: 'unavailable',
        reason: 'removed',
      });
      expect(await awake.store.load(row.gid)).toEqual({ ...row, epoch: 2 });
      await paused.store.close();
      await paused.store.open('reborn');
      expect(await paused.store.write([open(trying('b'))])).toEqual([{ kind: 'applied' }]);
    });

    it('tell of a goodbye, without the ttl (N5)', async () => {
      const [leaver, stays] = [await node('leaver'), await node('stays')];
      await leaver.store.write([open(trying('a'))]);
      await leaver.store.close();
      expect(await stays.store.claim(10)).toMatchObject([{ gid: 'a', epoch: 2 }]);
      await eventually(() => expect(stays.told).toEqual(['onGone']), PATIENCE_MS);
    });

    it('open rows in the newest format that all of them read (Q4)', async () => {
      const first = await node('first');
      await first.store.write([open(trying('new'))]);
      await database.run(
        `INSERT INTO nodes (incarnation, beat, place, format) VALUES ('old', 1, 'elsewhere', ${ROW_FORMAT - 1})`,
      );
      const second = await node('second');
      await second.store.write([open(trying('for all'))]);
      const rows = await database.run('SELECT gid, format FROM transactions ORDER BY gid');
      expect(rows).toEqual([
        { gid: 'for all', format: ROW_FORMAT - 1 },
        { gid: 'new', format: ROW_FORMAT },
      ]);
      expect(await first.store.load(trying('for all').gid)).toEqual(trying('for all'));
    });
  });
}
