/**
 * Taking over what nodes have left behind, page by page.
 *
 * T1 Owners of open work are read first, nodes second: whoever owns something was a node before it wrote, so one that is missing
 *    in the later list is dead.
 * T2 Where several nodes claim at once each begins at another place; what somebody else was faster with is no reason to stop.
 * T3 What was claimed is told, even where it could not be read at once: then with the next page.
 * T4 What was claimed is read in small portions: each transaction may bring a MiB of payload for every branch.
 */
import type { Random } from '@tercet/core';
import type { LoadedRows } from '../rows/columns';
import type { SqlServer } from './sql-server';

/** What claiming needs. */
export interface ClaimsDeps {
  readonly server: Pick<SqlServer, 'openOwners' | 'nodeList' | 'claim' | 'load'>;
  readonly random: Random;
  /** The incarnation that claims. */
  readonly me: string;
}

/** How often all dead owners are gone through before a page is empty. */
const PASSES = 2;

/** T4 */
const READ_AT_ONCE = 32;

interface Survey {
  /** Owners of open work that are no nodes. */
  readonly dead: readonly string[];
  /** How many may be claiming now. */
  readonly nodes: number;
}

/** The claims of one incarnation. */
export class Claims {
  /** T3 */
  private unread: readonly string[] = [];

  constructor(private readonly deps: ClaimsDeps) {}

  /** Up to `limit` transactions that are this incarnation's from now on; none = there are no more. */
  async page(limit: number): Promise<readonly LoadedRows[]> {
    for (;;) {
      if (this.unread.length === 0) this.unread = await this.claim(limit);
      if (this.unread.length === 0) return [];
      const rows = await this.deps.server.load(this.unread.slice(0, READ_AT_ONCE), { owned: true });
      this.unread = this.unread.slice(READ_AT_ONCE);
      // Where others have taken all of them meanwhile, there may be more behind.
      if (rows.length > 0) return rows;
    }
  }

  private async claim(limit: number): Promise<readonly string[]> {
    for (let pass = 0; pass < PASSES; pass++) {
      const { dead, nodes } = await this.survey();
      for (const owner of dead) {
        const gids = await this.claimFrom(owner, limit, nodes);
        if (gids.length > 0) return gids;
      }
      if (dead.length === 0) return [];
    }
    return [];
  }

  /** T1 */
  private async survey(): Promise<Survey> {
    const { server, me } = this.deps;
    const owners = (await server.openOwners()).filter((owner) => owner !== me);
    if (owners.length === 0) return { dead: [], nodes: 0 };
    const nodes = new Set((await server.nodeList()).map(({ incarnation }) => incarnation));
    return { dead: owners.filter((owner) => !nodes.has(owner)), nodes: nodes.size };
  }

  /** T2 */
  private async claimFrom(owner: string, limit: number, nodes: number): Promise<readonly string[]> {
    const { server, random } = this.deps;
    const skip = Math.floor(random.unit() * nodes) * limit;
    const gids = skip === 0 ? [] : await server.claim({ owner, limit, skip });
    return gids.length > 0 ? gids : await server.claim({ owner, limit, skip: 0 });
  }
}
