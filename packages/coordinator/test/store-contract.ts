/**
 * What every store promises, as one suite: the memory twin passes it and so does each database. Titles name the
 * store's invariants (S1–S5, store.ts) and the design's (I…).
 */
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Gid } from '@tercet/core';
import type { Store } from '../src/store/store';
import { describeClaims } from './store-contract/claims';
import { describeContent } from './store-contract/content';
import { describeDue } from './store-contract/due';
import { describeFormats } from './store-contract/formats';
import { describeGuards } from './store-contract/guards';
import { describeImports } from './store-contract/imports';
import { describeLists } from './store-contract/lists';
import { describeOperated } from './store-contract/operated';
import { describeReads } from './store-contract/reads';
import { describeRetention, describeRetentionOfNodes } from './store-contract/retention';
import { describeSeveralNodes } from './store-contract/several-nodes';
import { describeTakes } from './store-contract/takes';
import { describeWrites } from './store-contract/writes';

/** A store and the way to its next life. */
export interface StoreFixture {
  /** Open, as the incarnation `first`. */
  readonly store: Store;
  /** Closes the store and opens its data again as another incarnation. */
  restart(incarnation: string): Promise<Store>;
  /** Ends whatever is open. */
  end(): Promise<void>;
}

/** A store in which somebody else can change a row's format. */
export interface FormatsFixture extends StoreFixture {
  setFormat(gid: Gid, format: number): Promise<void>;
}

/** Several stores on the same rows, each of them a node. Time stands still for their beats: nobody is removed by itself. */
export interface NodesFixture {
  /** Opens one more, as the node of this name. */
  node(incarnation: string): Promise<Store>;
  /** Takes a node for dead, as another one does that saw no beats. That one does not find out by itself. */
  remove(incarnation: string): Promise<void>;
  /** Lets a node beat, and resolves when its store has found out that it was removed. */
  findOut(incarnation: string): Promise<void>;
  /** Ends whatever is open. */
  end(): Promise<void>;
}

/** What not every store can do. */
export interface ContractExtras {
  readonly formats?: () => Promise<FormatsFixture>;
  readonly nodes?: () => Promise<NodesFixture>;
}

/** What the parts of the suite get. */
export interface ContractContext {
  /** The store that tests share; each uses gids of its own. */
  store(): Store;
  /** A gid that no other test uses. */
  gid(): string;
  /** A store of this test alone. */
  fresh(work: (fixture: StoreFixture) => Promise<void>): Promise<void>;
}

/** Runs the suite on the stores that `factory` makes, each empty and open as the incarnation `first`. */
export function describeStoreContract(
  name: string,
  factory: () => Promise<StoreFixture>,
  { formats, nodes }: ContractExtras = {},
): void {
  describe(`the ${name} store keeps the contract`, () => {
    let shared: StoreFixture;
    let number = 0;
    beforeAll(async () => {
      shared = await factory();
    });
    afterAll(() => shared.end());
    const context: ContractContext = {
      store: () => shared.store,
      gid: () => `order-${++number}`,
      fresh: async (work) => {
        const fixture = await factory();
        try {
          await work(fixture);
        } finally {
          await fixture.end();
        }
      },
    };
    describeWrites(context);
    describeGuards(context);
    describeContent(context);
    describeClaims(context);
    describeLists(context);
    describeReads(context);
    describeOperated(context);
    describeDue(context);
    describeImports(context);
    describeRetention(context);
    describeTakes(context);
    if (formats !== undefined) describeFormats(formats);
    if (nodes !== undefined) {
      describeSeveralNodes(nodes);
      describeRetentionOfNodes(nodes);
    }
  });
}
