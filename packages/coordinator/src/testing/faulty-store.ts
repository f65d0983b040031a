import type { BranchId, Gid, GlobalTransaction } from '@tercet/core';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  type ListQuery,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreFailureKind,
  type StoreNodes,
  type StoreOperation,
  type TransactionPage,
} from '../store/store';

interface Fault {
  readonly kind: StoreFailureKind;
  readonly applied: boolean;
}

/**
 * A store that fails and waits when a test says so. Faults and holds are played in the order in which they were
 * scripted; each write, and each probe, uses up at most one of either, a hold first. The rest goes through unchanged.
 */
export class FaultyStore implements Store {
  private readonly faults: Fault[] = [];
  private readonly holds: Promise<void>[] = [];
  /** What can be read: everything, only which transactions are due (`places`), or nothing. The rest is `unavailable`. */
  readable: 'all' | 'places' | 'nothing' = 'all';

  constructor(private readonly inner: Store) {}

  /** The name of the store inside. */
  get name(): string {
    return this.inner.name;
  }

  /** The nodes of the store inside. */
  get nodes(): StoreNodes | undefined {
    return this.inner.nodes;
  }

  /**
   * Lets the next write fail with `kind`. `applied: true` = the batch is done and only its answer is lost, which in
   * life happens with the kind `unknown` alone.
   */
  failNext(kind: StoreFailureKind, fault: { readonly applied: boolean }): void {
    this.faults.push({ kind, applied: fault.applied });
  }

  /** Holds the next write, before it is applied, until the returned function is called. */
  holdNext(): () => void {
    let release: () => void = () => undefined;
    this.holds.push(
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    return () => release();
  }

  open(incarnation: string): Promise<void> {
    return this.inner.open(incarnation);
  }

  write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    return this.played(() => this.inner.write(batch));
  }

  probe(): Promise<void> {
    return this.played(() => this.inner.probe());
  }

  claim(limit: number): Promise<readonly GlobalTransaction[]> {
    return this.inner.claim(limit);
  }

  facts(gid: Gid): Promise<RowFacts | undefined> {
    return this.read(() => this.inner.facts(gid));
  }

  loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    return this.read(() => this.inner.loadMany(gids));
  }

  load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.read(() => this.inner.load(gid));
  }

  loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.read(() => this.inner.loadOwned(gid));
  }

  loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    return this.read(() => this.inner.loadPayloads(gid, branchId));
  }

  loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    return this.read(() => this.inner.loadResult(gid));
  }

  due(query: DueQuery): Promise<readonly DuePosition[]> {
    return this.read(() => this.inner.due(query), 'places');
  }

  list(query: ListQuery): Promise<TransactionPage> {
    return this.read(() => this.inner.list(query), 'places');
  }

  expire(query: ExpireQuery): Promise<Expired> {
    return this.read(() => this.inner.expire(query));
  }

  importTombstones(tombstones: readonly GlobalTransaction[]): Promise<void> {
    return this.read(() => this.inner.importTombstones(tombstones));
  }

  finishedAt(place: number): Promise<number | undefined> {
    return this.read(() => this.inner.finishedAt(place));
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async read<T>(work: () => Promise<T>, what: 'all' | 'places' = 'all'): Promise<T> {
    if (this.readable === 'all' || this.readable === what) return await work();
    throw new StoreFailure('unavailable', 'scripted fault: not readable');
  }

  private async played<T>(work: () => Promise<T>): Promise<T> {
    const hold = this.holds.shift();
    const fault = this.faults.shift();
    if (hold !== undefined) await hold;
    if (fault === undefined) return work();
    if (fault.applied) await work();
    throw new StoreFailure(fault.kind, `scripted fault: ${fault.kind}`);
  }
}
