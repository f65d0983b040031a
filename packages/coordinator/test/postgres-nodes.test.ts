/** Nodes and claims as PostgreSQL keeps them (C1, C2). */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { describeWith } from '../../../test/support/servers/describe-with';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import type { PostgresServer } from '../src/store/sql/postgres/postgres-server';
import { PostgresWorld } from './support/postgres-world';
import { open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

const shapes = new SpecShapes();

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  let node: PostgresServer;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
    node = await world.server('me');
  });
  afterEach(() => world.end());

  const row = (incarnation: string, beat: number, format = 1) => {
    return { incarnation, beat, where: `at ${incarnation}`, format };
  };

  describe('a node', () => {
    it('is one from its join to its removal', async () => {
      expect(await node.nodeList()).toEqual([]);
      await node.join(row('a', 1));
      await node.join(row('a', 1));
      await node.join(row('b', 1, 2));
      expect(new Set(await node.nodeList())).toEqual(new Set([row('a', 1), row('b', 1, 2)]));
      expect(await node.removeNode('a', undefined)).toBe(true);
      expect(await node.removeNode('a', undefined)).toBe(false);
      expect(await node.nodeList()).toEqual([row('b', 1, 2)]);
    });

    it('beats as long as it is one, and a beat that comes late changes nothing', async () => {
      await node.join(row('a', 1));
      expect(await node.beat('a', 3)).toBe(true);
      expect(await node.beat('a', 2)).toBe(true);
      await node.join(row('a', 1));
      expect(await node.nodeList()).toEqual([row('a', 3)]);
      expect(await node.beat('nobody', 1)).toBe(false);
    });

    it('is removed only where its beat is the one that was seen', async () => {
      await node.join(row('a', 1));
      await node.beat('a', 2);
      expect(await node.removeNode('a', 1)).toBe(false);
      expect(await node.removeNode('a', 2)).toBe(true);
      expect(await node.beat('a', 3)).toBe(false);
    });
  });

  describe('claiming', () => {
    const opened = async (owner: string, gids: readonly string[]): Promise<void> => {
      const other = await world.server(owner);
      await other.write([
        batchRowsOf(
          gids.map((gid) => open(trying(gid))),
          shapes,
        ),
      ]);
    };

    it('takes what one owner has, a page at a time, past what is left out', async () => {
      await opened('dead', ['a', 'b', 'c', 'd', 'e']);
      await opened('other', ['z']);
      expect(new Set(await node.openOwners())).toEqual(new Set(['dead', 'other']));
      const claimed = async (skip: number) =>
        [...(await node.claim({ owner: 'dead', limit: 2, skip }))].sort();
      expect(await claimed(3)).toEqual(['d', 'e']);
      expect(await claimed(3)).toEqual([]);
      expect(await claimed(0)).toEqual(['a', 'b']);
      expect(await claimed(0)).toEqual(['c']);
      expect(await claimed(0)).toEqual([]);
      expect(new Set(await node.openOwners())).toEqual(new Set(['me', 'other']));
      const facts = await node.facts(['a', 'z']);
      expect(facts.get('a')).toMatchObject({ owner: 'me', epoch: 2 });
      expect(facts.get('z')).toMatchObject({ owner: 'other', epoch: 1 });
    });

    it('waits for nobody: what somebody holds comes later (C2)', async () => {
      await opened('dead', ['a', 'b', 'c']);
      const other = await world.client();
      await other.query("BEGIN; SELECT FROM transactions WHERE gid = 'b' FOR UPDATE");
      const from = { owner: 'dead', limit: 10, skip: 0 };
      expect([...(await node.claim(from))].sort()).toEqual(['a', 'c']);
      await other.query('ROLLBACK');
      expect(await node.claim(from)).toEqual(['b']);
    });

    it('by several at once gives each row to one of them', async () => {
      const gids = Array.from({ length: 600 }, (_, i) => `gid-${i}`);
      await opened('dead', gids);
      const nodes = await Promise.all(['x', 'y', 'z'].map((name) => world.server(name)));
      const all = async (one: PostgresServer): Promise<readonly string[]> => {
        const taken: string[] = [];
        for (;;) {
          const page = await one.claim({ owner: 'dead', limit: 50, skip: 0 });
          if (page.length > 0) taken.push(...page);
          else if (!(await node.openOwners()).includes('dead')) return taken;
        }
      };
      const taken = (await Promise.all(nodes.map(all))).flat();
      expect(taken.sort()).toEqual(gids.sort());
    });

    it('leaves what a newer version has written, and names no owner for it', async () => {
      await opened('newer', ['a', 'b']);
      const client = await world.client();
      await client.query("UPDATE transactions SET format = 99 WHERE gid = 'b'");
      expect(await node.claim({ owner: 'newer', limit: 10, skip: 0 })).toEqual(['a']);
      expect(await node.openOwners()).toEqual(['me']);
    });
  });
});
