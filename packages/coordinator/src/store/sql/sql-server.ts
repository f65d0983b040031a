/**
 * The port to a family of SQL servers: what {@link SqlStore} needs of it. Guards, statements, sessions and errors of a
 * family live behind it; how results are judged, once, in front of it.
 *
 * V1 `write` is one database transaction that spans no client round trip; it resolves after COMMIT was answered with OK.
 * V2 Owner (the incarnation given at `open`) and epoch stand in the guard of every statement that changes a row, and in every
 *    join and read-back.
 * V3 Everything rejects with StoreFailure of the right kind: after `transient`, `data` and `unavailable` nothing is applied,
 *    and no half batch is left in a connection.
 */
import type { FactsRow, LoadedRows, DueRow } from '../rows/columns';
import { type BranchPayloads, type DueQuery, StoreFailure } from '../store';
import type { ListPosition } from '../list-page';
import type { GlobalStatus } from '@tercet/core';
import type { BatchRows, GuardedList } from './batch-rows';

/**
 * A batch that is too large for one message to the server: nothing of it was sent. Whoever wrote it writes its halves. One
 * operation alone is `data`: it can never be written.
 */
export class BatchTooLarge extends StoreFailure {
  /** @param message says how large it is, and which setting of the server limits it. */
  constructor(message: string) {
    super('data', message);
  }
}

/** How many rows of each guarded list matched; for updates matched, not changed. */
export type WaveCounts = Readonly<Record<GuardedList, number>>;

/** What a node announces of itself. */
export interface NodeRow {
  readonly incarnation: string;
  /** Raised by its life; who sees the same one for long enough takes it for dead. */
  readonly beat: number;
  /** Host and process, for people. */
  readonly where: string;
}

/** A list, cursor decoded and texts cleaned. One row more than `limit` is read to see whether there are more. */
export interface SqlListRequest {
  readonly statuses: readonly GlobalStatus[];
  readonly name: string | undefined;
  readonly gidPrefix: string | undefined;
  readonly limit: number;
  readonly after: ListPosition | undefined;
}

/** A server, or several that act as one. */
export interface SqlServer {
  /** For logs: `mysql`, `postgres`. */
  readonly name: string;

  /**
   * Connects, checks version and prerequisites, and migrates. Rejects with TercetError STORE_INCOMPATIBLE or CONFIG_INVALID
   * that says what to do, or StoreFailure. Safe to repeat.
   */
  connect(): Promise<void>;

  /** From now on writes are guarded by this owner. */
  own(incarnation: string): void;

  /**
   * V1. Counts for each wave, in their order; believed only because COMMIT said OK. Rejects with {@link BatchTooLarge} where the
   * rows have to be written in several batches.
   */
  write(waves: readonly BatchRows[]): Promise<readonly WaveCounts[]>;

  /** What rows say now, read from the writer, causally. A gid that is missing has no row. */
  facts(gids: readonly string[]): Promise<ReadonlyMap<string, FactsRow>>;

  /** Makes up to `limit` unfinished rows of other owners its own, epoch + 1; answers their gids after COMMIT. */
  claim(limit: number): Promise<readonly string[]>;

  /** Everything of these transactions, in any order; with `owned` only what is the owner's and unfinished. */
  load(
    gids: readonly string[],
    options: { readonly owned: boolean },
  ): Promise<readonly LoadedRows[]>;

  /** What one branch sends; undefined where it is not kept. Only its own bytes leave the server. */
  loadPayloads(gid: string, branchId: string): Promise<BranchPayloads | undefined>;

  /** The result of a decision, or undefined. */
  loadResult(gid: string): Promise<Uint8Array | undefined>;

  /** The owner's rows that are due, in the order of (next_at, gid), from the index alone. */
  due(query: DueQuery): Promise<readonly DueRow[]>;

  /** Rows of a list, at most `limit + 1`, with the columns of `summaryColumns`. */
  list(request: SqlListRequest): Promise<readonly unknown[]>;

  /** A durable write of about two pages, removed again. */
  probe(): Promise<void>;

  /** The node that has the store, undefined = nobody has. */
  node(): Promise<NodeRow | undefined>;

  /** Puts `next` into the place of `seen` (undefined = of nobody) by compare-and-set. False = somebody else was faster. */
  replaceNode(seen: NodeRow | undefined, next: NodeRow | undefined): Promise<boolean>;

  /** Ends all connections; what is under way is given up. Repeating is safe. */
  close(): Promise<void>;
}
