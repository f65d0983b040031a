/** Several stores on the same rows, in memory or on a server, for the contract. */
import { ManualTime } from '@tercet/core/testing';
import type { Scheduler } from '@tercet/core';
import { MemoryStore } from '../../src/store/memory-store';
import { SharedMemory } from '../../src/store/shared-memory';
import { type Store, StoreFailure } from '../../src/store/store';
import type { FormatsFixture, NodesFixture } from '../store-contract';
import { eventually } from './eventually';

/** A database of its own on a server. */
export interface SqlDatabase {
  /** A store that is not open yet. */
  store(scheduler?: Scheduler): Store;
  /** Runs a statement as somebody else. */
  run(statement: string): Promise<unknown>;
  /** Ends that somebody's connection. */
  end(): Promise<void>;
}

/** A store in memory whose rows' format can be changed. */
export async function memoryFormats(): Promise<FormatsFixture> {
  const shared = new SharedMemory();
  const store = new MemoryStore({ shared });
  await store.open('first');
  return {
    store,
    restart: async (incarnation) => {
      await store.close();
      await store.open(incarnation);
      return store;
    },
    setFormat: async (gid, format) => shared.setFormat(gid, format),
    end: () => store.close(),
  };
}

/** Nodes in memory. */
export async function memoryNodes(): Promise<NodesFixture> {
  const shared = new SharedMemory();
  return {
    node: async (incarnation) => {
      const store = new MemoryStore({ shared });
      await store.open(incarnation);
      return store;
    },
    remove: async (incarnation) => shared.remove(incarnation, { told: false }),
    findOut: async (incarnation) => shared.findOut(incarnation),
    end: async () => undefined,
  };
}

/** A store on a server whose rows' format can be changed. */
export async function sqlFormats(database: SqlDatabase): Promise<FormatsFixture> {
  let store = database.store();
  await store.open('first');
  return {
    store,
    restart: async (incarnation) => {
      await store.close();
      store = database.store();
      await store.open(incarnation);
      return store;
    },
    setFormat: async (gid, format) => {
      await database.run(`UPDATE transactions SET format = ${format} WHERE gid = '${gid}'`);
    },
    end: async () => {
      await store.close();
      await database.end();
    },
  };
}

/** More than the time between two beats, ms. */
const BEAT_MS = 400;

/** Nodes on a server: they join and leave by themselves, beats come when a test says so. */
export async function sqlNodes(database: SqlDatabase): Promise<NodesFixture> {
  const nodes = new Map<string, { readonly store: Store; readonly time: ManualTime }>();
  return {
    node: async (incarnation) => {
      const time = new ManualTime();
      const store = database.store(time);
      await store.open(incarnation);
      nodes.set(incarnation, { store, time });
      return store;
    },
    remove: async (incarnation) => {
      await database.run(`DELETE FROM nodes WHERE incarnation = '${incarnation}'`);
    },
    findOut: async (incarnation) => {
      const node = nodes.get(incarnation);
      await node?.time.advance(BEAT_MS);
      await eventually(async () => {
        const failure = await node?.store.probe().catch((error: unknown) => error);
        if (failure instanceof StoreFailure && failure.reason === 'removed') return;
        throw new Error('it does not know yet');
      });
    },
    end: async () => {
      for (const { store } of nodes.values()) await store.close();
      await database.end();
    },
  };
}
