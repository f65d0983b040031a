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
 */
import type { BranchId, Gid, GlobalStatus, GlobalTransaction, RunId } from '@tercet/core';

/** One guarded change of one transaction. `tx` is always the state *after* the change. */
export type StoreOperation =
  | OpenOperation
  | ExtendOperation
  | DecideOperation
  | ProgressOperation
  | FenceOperation;

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
 * Guard: owner, epoch, run id, a row in phase two of the same decision, and as many branches as `tx` has. A finished
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

/** A batch that failed as a whole. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';

  constructor(
    readonly kind: StoreFailureKind,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
  }
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
}

/** A page of a list: unfinished transactions first (latest opened first), then finished ones (latest first). */
export interface TransactionPage {
  readonly transactions: readonly TransactionSummary[];
  readonly nextCursor: string | undefined;
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

/** The port. Methods reject with {@link StoreFailure}; `open` and `list` also with TercetError. */
export interface Store {
  /** Name for logs: `memory`, `sqlite`, `mysql`, `postgres`. */
  readonly name: string;

  /**
   * Connects, migrates, and proves that nobody else uses the store; from then on this process writes as
   * `incarnation` (never reused). Rejects with STORE_IN_USE, STORE_INCOMPATIBLE or STORE_CORRUPT.
   */
  open(incarnation: string): Promise<void>;

  /**
   * Applies a batch as one durable commit (S1). Results stand in the order of the operations. Operations on one
   * gid count as written one after another.
   */
  write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]>;

  /**
   * Takes over up to `limit` unfinished transactions of other incarnations, which must be known to be dead:
   * owner = this incarnation, epoch + 1. Resolves after that is durable. Fewer than `limit` = there are no more.
   * After a failure of kind `unknown` rows may be taken that no later page shows: open as another incarnation.
   */
  claim(limit: number): Promise<readonly GlobalTransaction[]>;

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
