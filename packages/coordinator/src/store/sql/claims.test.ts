import { describe, expect, it } from '@jest/globals';
import type { LoadedRows } from '../rows/columns';
import { StoreFailure } from '../store';
import { Claims, type ClaimsDeps } from './claims';
import type { ClaimQuery, NodeRow } from './sql-server';

/** Rows by their owner, and nodes, as a server keeps them. */
class FakeServer {
  readonly open = new Map<string, string[]>();
  readonly alive = new Set<string>(['me']);
  /** What was asked, in order. */
  readonly asked: string[] = [];
  readonly claims: ClaimQuery[] = [];
  /** Before the next claim. */
  meanwhile: () => void = () => undefined;
  unreadable = 0;

  async openOwners(): Promise<readonly string[]> {
    this.asked.push('owners');
    return [...this.open].filter(([, gids]) => gids.length > 0).map(([owner]) => owner);
  }

  async nodeList(): Promise<readonly NodeRow[]> {
    this.asked.push('nodes');
    return [...this.alive].map((incarnation) => ({ incarnation, beat: 1, where: '', format: 1 }));
  }

  async claim(from: ClaimQuery): Promise<readonly string[]> {
    this.asked.push(`claim of ${from.owner}`);
    this.claims.push(from);
    this.meanwhile();
    return (this.open.get(from.owner) ?? []).splice(from.skip, from.limit);
  }

  async load(gids: readonly string[]): Promise<readonly LoadedRows[]> {
    if (this.unreadable-- > 0) throw new StoreFailure('unavailable', 'away');
    return gids.map((gid) => ({ transaction: { gid } }) as LoadedRows);
  }
}

function world({ unit = 0 } = {}) {
  const server = new FakeServer();
  const random: ClaimsDeps['random'] = { unit: () => unit, bytes: (n) => new Uint8Array(n) };
  const claims = new Claims({ server, random, me: 'me' });
  const page = async (limit = 10): Promise<readonly string[]> => {
    return (await claims.page(limit)).map(({ transaction }) => transaction.gid);
  };
  return { server, page };
}

describe('claims', () => {
  it('take what no node owns, one owner after the other, until there is no more', async () => {
    const { server, page } = world();
    server.open.set('dead', ['a', 'b', 'c']);
    server.open.set('alive', ['d']);
    server.open.set('me', ['e']);
    server.open.set('gone', ['f']);
    server.alive.add('alive');
    expect([await page(2), await page(2), await page(2), await page(2)]).toEqual([
      ['a', 'b'],
      ['c'],
      ['f'],
      [],
    ]);
    expect(server.open.get('alive')).toEqual(['d']);
    expect(server.open.get('me')).toEqual(['e']);
  });

  it('are read in small portions, however many were claimed at once (T4)', async () => {
    const { server, page } = world();
    server.open.set(
      'dead',
      Array.from({ length: 70 }, (_, i) => `tx-${i}`),
    );
    const sizes = [await page(500), await page(500), await page(500), await page(500)];
    expect(sizes.map(({ length }) => length)).toEqual([32, 32, 6, 0]);
    expect(new Set(sizes.flat()).size).toBe(70);
  });

  it('read owners first and nodes second: one that comes in between is alive (T1)', async () => {
    const { server, page } = world();
    server.open.set('dead', ['a']);
    await page();
    expect(server.asked.slice(0, 3)).toEqual(['owners', 'nodes', 'claim of dead']);
  });

  it('ask for no nodes where nobody else owns anything', async () => {
    const { server, page } = world();
    server.open.set('me', ['a']);
    expect(await page()).toEqual([]);
    expect(server.asked).toEqual(['owners']);
  });

  it('of several nodes begin at different places, and at the first where there is nothing (T2)', async () => {
    const { server, page } = world({ unit: 0.7 });
    server.alive.add('b').add('c');
    server.open.set('dead', ['1', '2', '3', '4', '5', '6']);
    expect(await page(2)).toEqual(['5', '6']);
    expect(await page(2)).toEqual(['1', '2']);
    expect(server.claims.map(({ skip }) => skip)).toEqual([4, 4, 0]);
  });

  it('of a node that is alone begin at the first (T2)', async () => {
    const { server, page } = world({ unit: 0.99 });
    server.open.set('dead', ['1', '2']);
    expect(await page(1)).toEqual(['1']);
    expect(server.claims).toEqual([{ owner: 'dead', limit: 1, skip: 0 }]);
  });

  it('that a rival was faster with are asked for again (T2)', async () => {
    const { server, page } = world();
    server.open.set('dead', ['a', 'b']);
    // Somebody else takes the page that was seen, and more is left behind it.
    server.meanwhile = () => {
      server.meanwhile = () => server.open.set('dead', ['c']);
      server.open.set('dead', []);
    };
    server.open.set('gone', []);
    server.openOwners = async () => ['dead'];
    expect(await page()).toEqual(['c']);
  });

  it('that cannot be read yet come with the next page (T3)', async () => {
    const { server, page } = world();
    server.open.set('dead', ['a', 'b', 'c']);
    server.unreadable = 2;
    await expect(page(2)).rejects.toThrow('away');
    await expect(page(2)).rejects.toThrow('away');
    expect([await page(2), await page(2)]).toEqual([['a', 'b'], ['c']]);
  });
});
