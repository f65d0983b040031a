import { type BranchId, type Gid, type GlobalTransaction, TercetError } from '@tercet/core';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type ListQuery,
  type RowFacts,
  type Store,
  StoreFailure,
  type TransactionPage,
  removedFailure,
} from '../store/store';

/**
 * Reads from the store. One that cannot be read now is no bug: STORE_UNAVAILABLE, and the caller may ask again. Its details say
 * why (`reason`) where the store does.
 */
export class StoreReader {
  private closed = false;

  constructor(private readonly store: Store) {}

  /** Nothing is read any more, also not by who asked before: the store is about to go on as another incarnation. */
  close(): void {
    this.closed = true;
  }

  /** What the row of a gid says now; undefined where the gid is not kept. */
  facts(gid: Gid): Promise<RowFacts | undefined> {
    return this.read(() => this.store.facts(gid));
  }

  /** Several transactions; what is not kept is left out. */
  loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    return this.read(() => this.store.loadMany(gids));
  }

  /** One transaction; undefined where the gid is not kept. */
  load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.read(() => this.store.load(gid));
  }

  /** The same, where it is unfinished and ours; else undefined. */
  loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.read(() => this.store.loadOwned(gid));
  }

  /** What one branch sends. */
  loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    return this.read(() => this.store.loadPayloads(gid, branchId));
  }

  /** The result that the deciding commit carried. */
  loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    return this.read(() => this.store.loadResult(gid));
  }

  /** What is due and ours. */
  due(query: DueQuery): Promise<readonly DuePosition[]> {
    return this.read(() => this.store.due(query));
  }

  /** A page of transactions. */
  list(query: ListQuery): Promise<TransactionPage> {
    return this.read(() => this.store.list(query));
  }

  private async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      if (this.closed) throw removedFailure();
      const found = await work();
      if (this.closed) throw removedFailure();
      return found;
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const message = `the store cannot be read: ${error.message}`;
      const details = error.reason === undefined ? {} : { reason: error.reason };
      throw new TercetError('STORE_UNAVAILABLE', { message, details, cause: error });
    }
  }
}
