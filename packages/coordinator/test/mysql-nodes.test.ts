/** Nodes and claims as MariaDB keeps them. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import type { MysqlServer } from '../src/store/sql/mysql/mysql-server';
import { Hands, mysqlServerAt } from './support/mysql-world';
import { open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

const shapes = new SpecShapes();

describeWith('mariadb', (database) => {
  let url: string;
  let hands: Hands;
  let me: MysqlServer;
  const servers: MysqlServer[] = [];

  const server = async (incarnation: string): Promise<MysqlServer> => {
    const made = await mysqlServerAt(url, incarnation);
    servers.push(made);
    return made;
  };

  beforeEach(async () => {
    ({ url } = await freshDatabase(database));
    hands = await Hands.at(url);
    me = await server('me');
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((one) => one.close()));
    await hands.end();
  });

  const node = (incarnation: string, beat: number, format = 1) => {
    return { incarnation, beat, where: `at ${incarnation}'s \\ place`, format };
  };

  describe('a node', () => {
    test('is one from its join to its goodbye, however often it joins', async () => {
      expect(await me.nodeList()).toEqual([]);
      for (const row of [node('a', 1), node('a', 1), node('b', 1, 2)]) await me.join(row);
      expect(await me.nodeList()).toEqual([node('a', 1), node('b', 1, 2)]);
      expect(await me.removeNode('a', undefined)).toBe(true);
      expect(await me.removeNode('a', undefined)).toBe(false);
      expect(await me.nodeList()).toEqual([node('b', 1, 2)]);
    });

    test('beats while it is one; the same beat again is none the worse, an older one changes nothing', async () => {
      await me.join(node('a', 1));
      expect(await me.beat('a', 3)).toBe(true);
      expect(await me.beat('a', 3)).toBe(true);
      expect(await me.beat('a', 2)).toBe(true);
      await me.join(node('a', 1));
      expect(await me.nodeList()).toEqual([node('a', 3)]);
      expect(await me.beat('A', 4)).toBe(false);
    });

    test('is removed where its beat is the one that was seen, and beats no more', async () => {
      await me.join(node('a', 1));
      await me.beat('a', 2);
      expect(await me.removeNode('a', 1)).toBe(false);
      expect(await me.removeNode('a', 2)).toBe(true);
      expect(await me.beat('a', 3)).toBe(false);
    });

    test('beats on the way that batches take: behind one that is stuck', async () => {
      const other = await server('other');
      await me.join(node('me', 1));
      await opened(me, ['a']);
      await hands.run('BEGIN', "SELECT 1 FROM transactions WHERE gid = 'a' FOR UPDATE");
      const order: string[] = [];
      const batch = me.write([
        batchRowsOf([{ kind: 'fence', gid: 'a' as never, epoch: 1 }], shapes),
      ]);
      const ends = [
        batch.then(() => order.push('batch')),
        me.beat('me', 2).then(() => order.push('beat')),
        me.nodeList().then(() => order.push('list')),
        other.nodeList().then(() => order.push('another list')),
      ];
      await Promise.all(ends.slice(2));
      await hands.run('ROLLBACK');
      await Promise.all(ends);
      expect(order.slice(2)).toEqual(['batch', 'beat']);
    });
  });

  describe('claiming', () => {
    test('takes what one owner has, a page at a time, past what is left out', async () => {
      await opened(await server('dead'), ['a', 'b', 'c', 'd', 'e']);
      await opened(await server('other'), ['z']);
      expect(await me.openOwners()).toEqual(['dead', 'other']);
      const claimed = (skip: number) => me.claim({ owner: 'dead', limit: 2, skip });
      expect(await claimed(3)).toEqual(['d', 'e']);
      expect(await claimed(3)).toEqual([]);
      expect(await claimed(0)).toEqual(['a', 'b']);
      expect(await claimed(0)).toEqual(['c']);
      expect(await claimed(0)).toEqual([]);
      expect(await me.openOwners()).toEqual(['me', 'other']);
      const facts = await me.facts(['a', 'z']);
      expect(facts.get('a')).toMatchObject({ owner: 'me', epoch: 2 });
      expect(facts.get('z')).toMatchObject({ owner: 'other', epoch: 1 });
    });

    test('by several at once gives each row to one of them (K2)', async () => {
      const gids = Array.from({ length: 600 }, (_, i) => `gid-${i}`);
      await opened(await server('dead'), gids);
      const claimers = await Promise.all(['x', 'y', 'z'].map(server));
      const all = async (one: MysqlServer): Promise<readonly string[]> => {
        const taken: string[] = [];
        while ((await one.openOwners()).includes('dead')) {
          taken.push(...(await one.claim({ owner: 'dead', limit: 50, skip: 0 })));
        }
        return taken;
      };
      const taken = (await Promise.all(claimers.map(all))).flat();
      expect(taken.sort()).toEqual(gids.sort());
    });

    test('waits for a row that somebody holds, 2 s at most; then nothing was claimed', async () => {
      await opened(await server('dead'), ['a', 'b', 'c']);
      await hands.run('BEGIN', "SELECT 1 FROM transactions WHERE gid = 'b' FOR UPDATE");
      const from = { owner: 'dead', limit: 10, skip: 0 };
      await expect(me.claim(from)).rejects.toMatchObject({ kind: 'transient' });
      expect((await me.facts(['a'])).get('a')).toMatchObject({ owner: 'dead', epoch: 1 });
      await hands.run('ROLLBACK');
      expect(await me.claim(from)).toEqual(['a', 'b', 'c']);
    });

    test('leaves what a newer version has written', async () => {
      await opened(await server('newer'), ['a', 'b']);
      await hands.run("UPDATE transactions SET format = 99 WHERE gid = 'b'");
      expect(await me.claim({ owner: 'newer', limit: 10, skip: 0 })).toEqual(['a']);
      expect(await me.claim({ owner: 'newer', limit: 10, skip: 0 })).toEqual([]);
      expect((await me.facts(['b'])).get('b')).toMatchObject({ owner: 'newer', epoch: 1 });
    });
  });

  async function opened(by: MysqlServer, gids: readonly string[]): Promise<void> {
    const opens = gids.map((gid) => open(trying(gid)));
    await by.write([batchRowsOf(opens, shapes)]);
  }
});
