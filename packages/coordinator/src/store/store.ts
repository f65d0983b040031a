/**
 * The store port: what the engine needs made durable, in domain verbs. Every implementation passes
 * `test/store-contract.ts`; the memory twin too.
 *
 * S1 `write` is atomic and durable: when it resolves, every `applied` operation survives what the store survives,
 *    and no reader ever saw half of the batch.
 * S2 Every operation carries its own guard: owner and epoch in every change of a row, run id and "not there yet"
 *    in an open. What is written of branches stands in their order, so their number is part of the guard too. An operation whose guard matches nothing changes nothing, and neither do its branches (I8).
 * S3 Every operation may be repeated: one that already took effect answers `applied` again (I9).
 * S4 A batch that fails is not applied, except with the failure kind `unknown`: then nobody knows, and the writer
 *    finds out by writing (`fence`, or the same open again), never by a plain read.
 * S5 Nothing unfinished is ever removed (I7).
 * S6 Of finished transactions {@link Store.expire} alone removes anything, and of one with an operator's verdict nobody does.
 *    Until its row goes, what a tombstone tells of gid, run, name, status, cause and times stays as it was.
 */
import type { BranchId, Gid, GlobalStatus, GlobalTransaction, RunId } from '@tercet/core';

/** One guarded change of one transaction. `tx` is always the state *after* the change. */
export type StoreOperation =
  | OpenOperation
  | ExtendOperation
  | DecideOperation
  | ProgressOperation
  | FenceOperation
  | TakeOperation;

/**
 * Creates the row, its branches and labels. Guard: no row of this gid. `tx` is trying, nothing is decided, `tx.epoch`
 * is 1: anything else is `data`.
 */
export interface OpenOperation {
  readonly kind: 'open';
  readonly tx: GlobalTransaction;
}

/**
 * Adds branches, and writes the states of all. The row is updated first (`branches` from `before` to
 * `tx.branches.length`) under owner, epoch, run id, status trying and the count `before`; that statement alone decides,
 * branches follow only where it matched.
 */
export interface ExtendOperation {
  readonly kind: 'extend';
  readonly tx: GlobalTransaction;
  /** Number of branches before; the added ones are `tx.branches.slice(before)`. */
  readonly before: number;
}

/**
 * Writes decision, cause, times and the states of all branches, with what was told of their Tries. Guard: owner, epoch,
 * run id, status trying, and as many branches as `tx` has.
 */
export interface DecideOperation {
  readonly kind: 'decide';
  readonly tx: GlobalTransaction;
  /** Value for runs that attach later; written with the decision, never changed after it. */
  readonly result?: Uint8Array | undefined;
}

/**
 * Writes status (phase two or its end), `nextAt`, and the states of all branches of `tx`, place by place.
 * Guard: owner, epoch, run id, a row in phase two of the same decision, and as many branches as `tx` has. Of a `tx` that is
 * trying, as a restored store holds it: a row that is trying. A finished
 * row is never written again: progress that comes late is part of it already (`applied`).
 */
export interface ProgressOperation {
  readonly kind: 'progress';
  readonly tx: GlobalTransaction;
  /** When something is due for the transaction next, Unix ms; undefined = nothing by time (finished, or all parked). */
  readonly nextAt: number | undefined;
}

/** Raises the row's epoch from `epoch` to `epoch + 1` by compare-and-set, and tells what the row says then. */
export interface FenceOperation {
  readonly kind: 'fence';
  readonly gid: Gid;
  readonly epoch: number;
}

/**
 * Takes an unfinished transaction over from another incarnation, live or dead: owner = this incarnation, epoch + 1, by one
 * compare-and-set, and tells what the row says then. Guard: gid, run id, `owner`, `epoch`, unfinished, and a format that this
 * version reads. Whoever takes reads the transaction after it: it may have changed until then.
 */
export interface TakeOperation {
  readonly kind: 'take';
  readonly gid: Gid;
  readonly runId: RunId;
  /** The incarnation that owns the row, as {@link Store.facts} told it. */
  readonly owner: string;
  /** The row's epoch, as {@link Store.facts} told it. */
  readonly epoch: number;
}

/** What a row says, read after the commit of the batch that asked. */
export interface RowFacts {
  readonly owner: string;
  readonly epoch: number;
  readonly runId: RunId;
  readonly status: GlobalStatus;
  /** Number of registered branches. */
  readonly branches: number;
}

/**
 * Result of one operation. `applied`: it took effect, now or in an earlier try of the same operation. `refused`:
 * the guard matched nothing; `row` is what is there instead, undefined where there is no row.
 */
export type OperationResult =
  | { readonly kind: 'applied'; readonly row?: RowFacts }
  | { readonly kind: 'refused'; readonly row: RowFacts | undefined };

/**
 * Why a batch failed.
 * - `transient`: a conflict; nothing applied, repeat the batch.
 * - `data`: some operation can never be written; nothing applied.
 * - `unavailable`: the store takes no writes (full, read-only); nothing applied.
 * - `unknown`: the connection or the worker died; the batch is in doubt.
 */
export type StoreFailureKind = 'transient' | 'data' | 'unavailable' | 'unknown';

/**
 * Why, where a program has to tell it apart; it travels to clients as `details.reason` of the error.
 * - `newer_format`: the row was written by a newer version, this one does not read it.
 * - `removed`: this node was taken for dead by another one.
 */
export type StoreFailureReason = 'newer_format' | 'removed';

/** What a {@link StoreFailure} may carry. */
export interface StoreFailureInit {
  /** What led to it. */
  readonly cause?: unknown;
  /** Default: the kind says all. */
  readonly reason?: StoreFailureReason;
}

/** A batch that failed as a whole, or a read that could not be answered. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
  /** Why, where a program has to tell it apart. */
  readonly reason: StoreFailureReason | undefined;

  constructor(
    readonly kind: StoreFailureKind,
    message: string,
    { reason, ...options }: StoreFailureInit = {},
  ) {
    super(message, options);
    this.reason = reason;
  }
}

/** What a node's store refuses with once it has found out that the node was removed. */
export function removedFailure(): StoreFailure {
  const message =
    'this coordinator was taken for dead by another one, which saw no sign of life; it goes on under another name';
  return new StoreFailure('unavailable', message, { reason: 'removed' });
}

/** Filters and page of a list. */
export interface ListQuery {
  /** Empty = all. */
  readonly statuses: readonly GlobalStatus[];
  readonly name: string | undefined;
  readonly gidPrefix: string | undefined;
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor: string | undefined;
}

/** A row of a list. */
export interface TransactionSummary {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly name: string;
  readonly status: GlobalStatus;
  readonly branches: number;
  readonly openedAt: number;
  readonly decidedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly cause: 'commit' | 'rollback' | 'timeout' | undefined;
  /** Only its tombstone is left. */
  readonly tombstone: boolean;
}

/** A page of a list: unfinished transactions first (latest opened first), then finished ones (latest first). */
export interface TransactionPage {
  readonly transactions: readonly TransactionSummary[];
  readonly nextCursor: string | undefined;
}

/** Which finished transactions were kept long enough. */
export interface ExpireQuery {
  /** Those that finished before this become tombstones, Unix ms. */
  readonly finishedBefore: number;
  /** Tombstones of those that finished before this are removed, Unix ms. */
  readonly forgetBefore: number;
  /** How many finished transactions one call looks at, for each of both steps. */
  readonly limit: number;
}

/** What one call has done; durable. */
export interface Expired {
  /** Transactions of which a tombstone is left. */
  readonly expired: number;
  /** Rows that were removed. */
  readonly forgotten: number;
  /** Whether a step has reached its limit: there may be more. False also where another node is at it. */
  readonly more: boolean;
}

/** Place in the order of due times. */
export interface DuePosition {
  /** Unix ms. */
  readonly nextAt: number;
  readonly gid: Gid;
}

/** Which unfinished transactions of this incarnation are due. */
export interface DueQuery {
  /** Only those whose `nextAt` is at most this, Unix ms. */
  readonly before: number;
  /** Only those behind this place; undefined = from the beginning. */
  readonly after: DuePosition | undefined;
  readonly limit: number;
}

/** The bytes that the calls of one branch send. */
export interface BranchPayloads {
  readonly payload: Uint8Array;
  /** Undefined = the same bytes as `payload`. */
  readonly confirmPayload: Uint8Array | undefined;
  /** Undefined = the same bytes as `payload`. */
  readonly cancelPayload: Uint8Array | undefined;
}

/** Who is told what happens among the nodes that share a store. */
export interface NodesListener {
  /** A node was taken for dead, or has left: what it owned can be claimed now. */
  onGone(): void;
  /**
   * This node was taken for dead by another one: what it owned is, or soon will be, in other hands. Its store refuses every
   * write with `unavailable` from then on; the process goes on by opening the store as another incarnation.
   */
  onRemoved(): void;
}

/** The nodes that share a store. */
export interface StoreNodes {
  /** Sets who is told. To be called before the store is opened. */
  listen(listener: NodesListener): void;
}

/** The port. Methods reject with {@link StoreFailure}; `open` and `list` also with TercetError. */
export interface Store {
  /** Name for logs: `memory`, `sqlite`, `mysql`, `postgres`. */
  readonly name: string;

  /** Present where several nodes may share the store; absent = this process has it alone. */
  readonly nodes?: StoreNodes | undefined;

  /**
   * Connects and migrates; from then on this process writes as `incarnation` (never reused). Where one process has the store
   * alone it proves that nobody else uses it; where several share it, the incarnation becomes one of its nodes. May be called
   * again after `close`, with another incarnation. Rejects with STORE_IN_USE, STORE_INCOMPATIBLE or STORE_CORRUPT.
   */
  open(incarnation: string): Promise<void>;

  /**
   * Applies a batch as one durable commit (S1). Results stand in the order of the operations. Operations on one
   * gid count as written one after another.
   */
  write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]>;

  /**
   * Takes over up to `limit` unfinished transactions of incarnations that are no live nodes of the store: owner = this
   * incarnation, epoch + 1. Where one process has the store alone, these are all others. Resolves after that is durable.
   * None = there are no more; fewer than `limit` says nothing, somebody else may have been faster.
   * After a failure of kind `unknown` rows may be taken that no later page shows: open as another incarnation.
   */
  claim(limit: number): Promise<readonly GlobalTransaction[]>;

  /**
   * What the row of a gid says now. Undefined is to be believed: the gid is not kept. A row of a newer format rejects as
   * `unavailable` with the reason `newer_format`, as it does when it is loaded.
   */
  facts(gid: Gid): Promise<RowFacts | undefined>;

  /**
   * As `load`, of several, in any order. What is not kept is left out, and so is a row of a newer format: `load` tells which it
   * was. For those who wait for transactions of other nodes.
   */
  loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]>;

  /** One transaction, payloads included, as of the last commit; undefined where the gid is not kept. */
  load(gid: Gid): Promise<GlobalTransaction | undefined>;

  /** As `load`, where the row belongs to this incarnation and is unfinished; else undefined. */
  loadOwned(gid: Gid): Promise<GlobalTransaction | undefined>;

  /** What one branch sends; undefined where it is not kept. */
  loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined>;

  /** The result that the deciding commit carried; undefined where there is none, or the gid is not kept. */
  loadResult(gid: Gid): Promise<Uint8Array | undefined>;

  /**
   * The unfinished transactions of this incarnation that are due, in the order of (nextAt, gid); answered from an
   * index alone. `nextAt` of a row: the deadline from its opening on, then what the last progress wrote.
   */
  due(query: DueQuery): Promise<readonly DuePosition[]>;

  /** Lists transactions. A cursor that is not of this store is INVALID_ARGUMENT. */
  list(query: ListQuery): Promise<TransactionPage>;

  /**
   * One small step of retention, as one durable commit: the longest finished transactions become tombstones (payloads,
   * labels, result, attempts and reasons go; a digest of the result stays), the oldest tombstones are removed. Needs no owner,
   * takes no row that anybody works on, and is found by the index of finished transactions alone. Safe to repeat, and on several nodes at once: one does
   * the work, the others find nothing to do. Rejects like `write`; after `unknown` it is repeated.
   */
  expire(query: ExpireQuery): Promise<Expired>;

  /**
   * When the finished transaction at `place` has finished, Unix ms; 0 = the one that finished last. Tombstones do not count;
   * what is kept for its verdict may count or not. Undefined = there are not so many. Walks `place` entries of an index.
   */
  finishedAt(place: number): Promise<number | undefined>;

  /**
   * Creates tombstones as another store keeps them, as one durable commit; what is there already stays as it is. For copies of
   * whole stores: anything else is written by `write`. Safe to repeat. Rejects like `write`, `data` for what is no tombstone.
   */
  importTombstones(tombstones: readonly GlobalTransaction[]): Promise<void>;

  /**
   * Proves that new work would be taken: writes and removes about two pages in one durable commit. Rejects like
   * `write`. Safe to repeat.
   */
  probe(): Promise<void>;

  /**
   * Sets who is told of trouble that shows while nothing is asked: a server that is gone, a store that another node has taken
   * over. Told again and again while it lasts. Absent where a store can fail only when it is asked.
   */
  onTrouble?(listener: (failure: StoreFailure) => void): void;

  /** Ends all work; later calls reject. Repeating is safe. */
  close(): Promise<void>;
}
