import { type Gid, type GlobalTransaction, TercetError } from '@tercet/core';
import { type ListQuery, type Store, StoreFailure, type TransactionPage } from '../store/store';

/** Reads from the store. One that cannot be read now is no bug: STORE_UNAVAILABLE, and the caller may ask again. */
export class StoreReader {
  constructor(private readonly store: Store) {}

  /** One transaction; undefined where the gid is not kept. */
  load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.read(() => this.store.load(gid));
  }

  /** A page of transactions. */
  list(query: ListQuery): Promise<TransactionPage> {
    return this.read(() => this.store.list(query));
  }

  private async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const message = `the store cannot be read: ${error.message}`;
      throw new TercetError('STORE_UNAVAILABLE', { message, cause: error });
    }
  }
}
