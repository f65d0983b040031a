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
import {
  type BranchPayloads,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  StoreFailure,
} from '../store';
import type { ListPosition } from '../list-page';
import type { GlobalStatus } from '@tercet/core';
import type { TombstoneRow } from '../rows/tombstone-row';
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
  /** The newest row format that it reads. */
  readonly format: number;
}

/** Whose rows to claim, and which. */
export interface ClaimQuery {
  /** The incarnation that owns them; no live node. */
  readonly owner: string;
  /** At most so many. */
  readonly limit: number;
  /** Rows of the index that are left out first. */
  readonly skip: number;
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

  /**
   * Makes up to `limit` unfinished rows of `owner` its own, epoch + 1, by compare-and-set; answers their gids after COMMIT.
   * `skip` = so many rows of the index are left out first, so that two nodes that claim at once meet seldom.
   */
  claim(from: ClaimQuery): Promise<readonly string[]>;

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

  /** One step of retention, as {@link Store.expire}; on a connection of its own. */
  expire(query: ExpireQuery): Promise<Expired>;

  /** As {@link Store.finishedAt}. */
  finishedAt(place: number): Promise<number | undefined>;

  /** Creates tombstones of another store, as one transaction; what is there already stays. */
  importTombstones(rows: readonly TombstoneRow[]): Promise<void>;

  /** A durable write of about two pages, removed again. */
  probe(): Promise<void>;

  /** Makes the incarnation one of the nodes. Safe to repeat with the same row. */
  join(node: NodeRow): Promise<void>;

  /**
   * Writes the beat of a node, on the way that batches take: a writer that is stuck shows. False = the node is none any more:
   * somebody has removed it. Safe to repeat.
   */
  beat(incarnation: string, beat: number): Promise<boolean>;

  /** All nodes, read from the writer, causally. */
  nodeList(): Promise<readonly NodeRow[]>;

  /**
   * Removes a node by compare-and-set on its beat, or, with `beat` undefined, whatever its beat is (its own goodbye). False =
   * there was nothing to remove: it has beaten again, or somebody else was faster.
   */
  removeNode(incarnation: string, beat: number | undefined): Promise<boolean>;

  /** Incarnations that own unfinished rows of a format that is read, from the index alone; causally. */
  openOwners(): Promise<readonly string[]>;

  /** Ends all connections; what is under way is given up. Repeating is safe. */
  close(): Promise<void>;
}
