import { describe, expect, it } from '@jest/globals';
import type { Gid, GlobalTransaction } from '@tercet/core';
import type { Store, StoreOperation } from '../../src/store/store';
import type { NodesFixture } from '../store-contract';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  take,
  trying,
  withMore,
} from '../support/transaction-moves';

/** Several nodes on one store. None of them is taken for dead unless a test says so. */
export function describeSeveralNodes(factory: () => Promise<NodesFixture>): void {
  const withNodes = async (work: (nodes: NodesFixture) => Promise<void>): Promise<void> => {
    const fixture = await factory();
    try {
      await work(fixture);
    } finally {
      await fixture.end();
    }
  };
  describeLiving(withNodes);
  describeZombies(withNodes);
  describeTogether(withNodes);
}

type WithNodes = (work: (nodes: NodesFixture) => Promise<void>) => Promise<void>;

function describeLiving(withNodes: WithNodes): void {
  describe('several nodes', () => {
    it('see what each of them has committed', async () => {
      await withNodes(async (nodes) => {
        const [a, b] = [await nodes.node('a'), await nodes.node('b')];
        const [ours, theirs] = [trying('of-a'), trying('of-b')];
        await Promise.all([a.write([open(ours)]), b.write([open(theirs)])]);
        expect(await b.load(ours.gid)).toEqual(ours);
        expect(await a.facts(theirs.gid)).toMatchObject({ owner: 'b', epoch: 1 });
        expect(await a.loadOwned(theirs.gid)).toBeUndefined();
        expect(await b.write([decide(confirming(ours))])).toMatchObject([
          { kind: 'refused', row: { owner: 'a', status: 'trying' } },
        ]);
      });
    });

    it('claim nothing of one that lives, and everything of one that has said goodbye (I6)', async () => {
      await withNodes(async (nodes) => {
        const [a, b] = [await nodes.node('a'), await nodes.node('b')];
        const row = trying('kept');
        await a.write([open(row)]);
        expect(await b.claim(10)).toEqual([]);
        expect(await a.load(row.gid)).toEqual(row);
        await a.close();
        expect(await b.claim(10)).toEqual([{ ...row, epoch: 2 }]);
        expect(await b.claim(10)).toEqual([]);
      });
    });

    it('claim what several dead ones have left behind, and leave the rest (I6, I7)', async () => {
      await withNodes(async (nodes) => {
        for (const name of ['dead-1', 'alive', 'dead-2', '~dead']) {
          const node = await nodes.node(name);
          await node.write([open(trying(`${name}/1`)), open(trying(`${name}/2`))]);
          if (name !== 'alive') await nodes.remove(name);
        }
        const heir = await nodes.node('heir');
        const got = await claimAll(heir, 1);
        expect(got.map(({ gid }) => gid).sort()).toEqual(
          ['dead-1/1', 'dead-1/2', 'dead-2/1', 'dead-2/2', '~dead/1', '~dead/2'].sort(),
        );
        expect(await heir.facts('alive/1' as Gid)).toMatchObject({ owner: 'alive', epoch: 1 });
      });
    });

    it('go on as another node after they were closed (S3)', async () => {
      await withNodes(async (nodes) => {
        const store = await nodes.node('a');
        await store.write([open(trying('kept'))]);
        await store.close();
        await store.open('a-again');
        expect(await store.claim(10)).toEqual([{ ...trying('kept'), epoch: 2 }]);
        expect(await store.write([open(trying('new'))])).toEqual([{ kind: 'applied' }]);
      });
    });

    it('take from one another while both live, and back again', async () => {
      await withNodes(async (nodes) => {
        const [a, b] = [await nodes.node('a'), await nodes.node('b')];
        const row = trying('ball');
        await a.write([open(row)]);
        for (let epoch = 1; epoch <= 6; epoch++) {
          const [from, to] = epoch % 2 === 1 ? ['a', 'b'] : ['b', 'a'];
          const store = to === 'a' ? a : b;
          const [answer] = await store.write([take({ ...row, epoch }, String(from))]);
          expect(answer).toMatchObject({ kind: 'applied', row: { owner: to, epoch: epoch + 1 } });
        }
        expect(await a.loadOwned(row.gid)).toEqual({ ...row, epoch: 7 });
      });
    });
  });
}

/** What a node sends that was removed, and does not know it. */
const lateWrites: readonly [string, (row: GlobalTransaction) => StoreOperation][] = [
  ['an open', (row) => open(row)],
  ['a branch', (row) => extend(withMore(row), row.branches.length)],
  ['a commit', (row) => decide(confirming(row))],
  ['a rollback', (row) => decide(cancelling(row))],
  ['an attempt', (row) => progress(attempted(confirming(row), '1'))],
  ['an end', (row) => progress(finished(confirming(row)))],
  ['a fence', (row) => fence(row)],
  ['a take', (row) => take(row, 'zombie')],
];

function describeZombies(withNodes: WithNodes): void {
  describe('a node that was removed without knowing it', () => {
    it.each(lateWrites)(
      'matches nothing with %s after the takeover (I1, I3, I8)',
      async (_, late) => {
        await withNodes(async (nodes) => {
          const zombie = await nodes.node('zombie');
          const rows = [trying('undecided'), trying('decided')] as const;
          await zombie.write(rows.map((row) => open(row)));
          await zombie.write([decide(confirming(rows[1]))]);
          await nodes.remove('zombie');
          const heir = await nodes.node('heir');
          expect(await claimAll(heir, 10)).toHaveLength(2);
          const before = await Promise.all(rows.map(({ gid }) => heir.load(gid)));
          const answers = await zombie.write(rows.map(late));
          for (const answer of answers) {
            expect(answer).toMatchObject({ kind: 'refused', row: { owner: 'heir', epoch: 2 } });
          }
          expect(await Promise.all(rows.map(({ gid }) => heir.load(gid)))).toEqual(before);
        });
      },
    );

    it('leaves no branch behind where it registers at the moment of the takeover (I4, I8)', async () => {
      await withNodes(async (nodes) => {
        const zombie = await nodes.node('zombie');
        const rows = Array.from({ length: 20 }, (_, i) => trying(`race-${i}`));
        await zombie.write(rows.map((row) => open(row)));
        await nodes.remove('zombie');
        const heir = await nodes.node('heir');
        const writes = rows.map((row) => zombie.write([extend(withMore(row), 2)]));
        const [claimed, ...results] = await Promise.all([claimAll(heir, 3), ...writes]);
        expect(claimed).toHaveLength(rows.length);
        for (const [i, row] of rows.entries()) {
          const registered = results[i]?.[0]?.kind === 'applied';
          const kept = { ...(registered ? withMore(row) : row), epoch: 2 };
          expect(await heir.load(row.gid)).toEqual(kept);
          // What the heir saw when it claimed is all that there will ever be.
          expect(claimed.find(({ gid }) => gid === row.gid)).toEqual(kept);
        }
      });
    });

    it('may still open transactions: they are answered for, and claimed (I5, I6)', async () => {
      await withNodes(async (nodes) => {
        const [zombie, heir] = [await nodes.node('zombie'), await nodes.node('heir')];
        await nodes.remove('zombie');
        const row = trying('late');
        expect(await zombie.write([open(row)])).toEqual([{ kind: 'applied' }]);
        expect(await claimAll(heir, 10)).toEqual([{ ...row, epoch: 2 }]);
      });
    });

    it('refuses everything once it knows, and goes on as another node', async () => {
      await withNodes(async (nodes) => {
        const [zombie, other] = [await nodes.node('zombie'), await nodes.node('other')];
        const row = trying('kept');
        await zombie.write([open(row)]);
        await nodes.remove('zombie');
        await nodes.findOut('zombie');
        const removed = { kind: 'unavailable', reason: 'removed' };
        await expect(zombie.write([open(trying('new'))])).rejects.toMatchObject(removed);
        await expect(zombie.claim(1)).rejects.toMatchObject(removed);
        await zombie.close();
        await zombie.open('reborn');
        expect(await zombie.claim(10)).toEqual([{ ...row, epoch: 2 }]);
        expect(await other.claim(10)).toEqual([]);
        expect(await other.facts('new' as Gid)).toBeUndefined();
      });
    });
  });
}

function describeTogether(withNodes: WithNodes): void {
  describe('several nodes that claim at once', () => {
    it('share what a dead one has left: nothing is lost, nothing has two owners (I6, I8)', async () => {
      await withNodes(async (nodes) => {
        const dead = await nodes.node('dead');
        const gids = Array.from({ length: 60 }, (_, i) => `left-${i}`);
        await dead.write(gids.map((gid) => open(trying(gid))));
        await nodes.remove('dead');
        const heirs = [await nodes.node('h1'), await nodes.node('h2'), await nodes.node('h3')];
        const shares = await Promise.all(heirs.map((heir) => claimAll(heir, 4)));
        // Whoever had an empty page while somebody else was at work asks again, as a sweep does.
        for (const [i, heir] of heirs.entries()) shares[i]?.push(...(await claimAll(heir, 4)));
        expect(
          shares
            .flat()
            .map(({ gid }) => String(gid))
            .sort(),
        ).toEqual([...gids].sort());
        for (const [i, share] of shares.entries()) {
          for (const tx of share) {
            expect(tx).toEqual({ ...trying(tx.gid), epoch: 2 });
            expect(await heirs[0]?.facts(tx.gid)).toMatchObject({ owner: `h${i + 1}`, epoch: 2 });
          }
        }
      });
    });

    it('and take: one of them gets it', async () => {
      await withNodes(async (nodes) => {
        const dead = await nodes.node('dead');
        const rows = Array.from({ length: 20 }, (_, i) => trying(`left-${i}`));
        await dead.write(rows.map((row) => open(row)));
        await nodes.remove('dead');
        const [sweeper, taker] = [await nodes.node('sweeper'), await nodes.node('taker')];
        const takes = rows.map((row) => taker.write([take(row, 'dead')]));
        const [claimed, ...results] = await Promise.all([claimAll(sweeper, 3), ...takes]);
        claimed.push(...(await claimAll(sweeper, 3)));
        const swept = new Set(claimed.map(({ gid }) => gid));
        for (const [i, { gid }] of rows.entries()) {
          const taken = results[i]?.[0]?.kind === 'applied';
          expect(taken).toBe(!swept.has(gid));
          const owner = taken ? 'taker' : 'sweeper';
          expect(await taker.facts(gid)).toMatchObject({ owner, epoch: 2 });
        }
      });
    });
  });
}

/** Claims until a page is empty. */
async function claimAll(store: Store, limit: number): Promise<GlobalTransaction[]> {
  const all: GlobalTransaction[] = [];
  for (;;) {
    const page = await store.claim(limit);
    if (page.length === 0) return all;
    all.push(...page);
  }
}
