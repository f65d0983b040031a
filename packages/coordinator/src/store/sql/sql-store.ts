/**
 * The store on an SQL server, shared by as many nodes as there are. This side makes rows, judges results and is the node; the
 * family's statements stand behind {@link SqlServer}.
 *
 * Q1 Counts are believed where they are complete. Where a list matched fewer rows than it has, its rows are read by key after
 *    the commit, and each operation is judged by what its row says: my owner, my epoch, my run, my target state.
 * Q2 A node is one before it writes, and refuses everything once it knows that it was removed (see {@link Membership}). What it
 *    writes before it knows is guarded: its owner and epoch are in no row that another one has taken over.
 * Q3 A batch that is too large for one message is written in halves, one after the other: what is done already is answered with
 *    `applied` when the batch is repeated (S3). Where that is not what a failure ends in, it is a doubt (S4).
 * Q4 A row is read whatever its owner is, but never where its format is newer than what this version reads; and rows are opened
 *    in the newest format that all nodes read.
 */
import {
  type BranchId,
  type Clock,
  type Gid,
  type GlobalTransaction,
  type Random,
  type Scheduler,
  TercetError,
} from '@tercet/core';
import { batchResults, gidOf, openStatusOf, tellsRow } from '../batch-results';
import { decodeCursor, pageOf } from '../list-page';
import { ROW_FORMAT } from '../rows/columns';
import {
  assertReadable,
  duePositionOf,
  factsOf,
  readableOf,
  summaryOf,
  transactionOf,
} from '../rows/rows';
import { tombstoneRowOf } from '../rows/tombstone-row';
import { SpecShapes } from '../rows/spec-shapes';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  type ListQuery,
  type NodesListener,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreNodes,
  type StoreOperation,
  type TransactionPage,
} from '../store';
import { cleanText } from '../stored-form';
import { batchRowsOf, listOf, wavesOf } from './batch-rows';
import { Claims } from './claims';
import { Membership } from './membership';
import { BatchTooLarge, type SqlServer, type WaveCounts } from './sql-server';

/** What the store needs. */
export interface SqlStoreDeps {
  readonly server: SqlServer;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** For how long a node whose beat stands still is taken for alive, ms. */
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
  /** The newest row format that this node reads and writes. Default: this version's. */
  readonly format?: number;
}

const applied: OperationResult = { kind: 'applied' };

/** One node's store, on a server. */
export class SqlStore implements Store {
  readonly name: string;
  readonly nodes: StoreNodes = { listen: (listener) => (this.listener = listener) };
  private me: string | undefined;
  private member: Membership | undefined;
  private claims: Claims | undefined;
  private listener: NodesListener | undefined;
  private troubled: ((failure: StoreFailure) => void) | undefined;
  private readonly shapes = new SpecShapes();

  constructor(private readonly deps: SqlStoreDeps) {
    this.name = deps.server.name;
  }

  async open(incarnation: string): Promise<void> {
    const { server } = this.deps;
    if (this.me !== undefined) {
      throw new TercetError('STORE_IN_USE', { message: 'this store is open already' });
    }
    this.me = incarnation;
    try {
      await server.connect();
      server.own(incarnation);
      await this.join(incarnation);
    } catch (error) {
      this.me = undefined;
      await server.close();
      throw error;
    }
  }

  /** Q2 */
  private async join(incarnation: string): Promise<void> {
    const { random, server, format = ROW_FORMAT } = this.deps;
    const member = new Membership(
      {
        ...this.deps,
        format,
        onGone: () => this.listener?.onGone(),
        onRemoved: () => this.listener?.onRemoved(),
        onTrouble: (failure) => this.troubled?.(failure),
      },
      incarnation,
    );
    try {
      await member.join();
    } catch (error) {
      await member.leave();
      throw error;
    }
    this.member = member;
    this.claims = new Claims({ server, random, me: incarnation });
  }

  async write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    try {
      return await this.writeOnce(batch);
    } catch (error) {
      if (!(error instanceof BatchTooLarge) || batch.length < 2) throw error;
      return await this.writeHalves(batch);
    }
  }

  /** Q3 */
  private async writeHalves(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const half = batch.length >> 1;
    const first = await this.write(batch.slice(0, half));
    try {
      return [...first, ...(await this.write(batch.slice(half)))];
    } catch (cause) {
      // Poison is singled out by whoever wrote the batch; whatever else hinders the second half, the first one is there.
      if (!(cause instanceof StoreFailure) || cause.kind === 'data') throw cause;
      const message = `a part of the batch is written, the rest is not: ${cause.message}`;
      throw new StoreFailure('unknown', message, { cause });
    }
  }

  private async writeOnce(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const { me, member } = this.opened();
    const waves = wavesOf(batch);
    const rows = this.encoded(waves, member.format);
    const counts = await this.deps.server.write(rows);
    if (waves.every((wave, i) => isComplete(wave, counts[i])) && !batch.some(tellsRow)) {
      return batch.map(() => applied);
    }
    return await this.judged(batch, { waves, counts, me });
  }

  async claim(limit: number): Promise<readonly GlobalTransaction[]> {
    const { claims } = this.opened();
    return (await claims.page(limit)).map(transactionOf);
  }

  async facts(gid: Gid): Promise<RowFacts | undefined> {
    const row = (await this.server().facts([gid])).get(gid);
    if (row === undefined) return undefined;
    assertReadable(gid, row.format);
    return factsOf(row);
  }

  async loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    const rows = await this.server().load(gids, { owned: false });
    return readableOf(rows).map(transactionOf);
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return await this.one(gid, false);
  }

  async loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return await this.one(gid, true);
  }

  async loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    return await this.server().loadPayloads(gid, branchId);
  }

  async loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    return await this.server().loadResult(gid);
  }

  async due(query: DueQuery): Promise<readonly DuePosition[]> {
    return (await this.server().due(query)).map(duePositionOf);
  }

  async list(query: ListQuery): Promise<TransactionPage> {
    const server = this.server();
    const { statuses, limit } = query;
    const after = decodeCursor(query.cursor);
    const name = query.name === undefined ? undefined : cleanText(query.name);
    const gidPrefix = query.gidPrefix === undefined ? undefined : cleanText(query.gidPrefix);
    const rows = await server.list({ statuses, name, gidPrefix, limit, after });
    return pageOf(rows.map(summaryOf), limit);
  }

  async expire(query: ExpireQuery): Promise<Expired> {
    return await this.server().expire(query);
  }

  async finishedAt(place: number): Promise<number | undefined> {
    return await this.server().finishedAt(place);
  }

  async importTombstones(tombstones: readonly GlobalTransaction[]): Promise<void> {
    await this.server().importTombstones(tombstones.map(tombstoneRowOf));
  }

  async probe(): Promise<void> {
    await this.server().probe();
  }

  onTrouble(listener: (failure: StoreFailure) => void): void {
    this.troubled = listener;
  }

  async close(): Promise<void> {
    const { member } = this;
    this.me = undefined;
    this.member = undefined;
    this.claims = undefined;
    await member?.leave();
    await this.deps.server.close();
  }

  private async one(gid: Gid, owned: boolean): Promise<GlobalTransaction | undefined> {
    const [rows] = await this.server().load([gid], { owned });
    return rows && transactionOf(rows);
  }

  /** Throws StoreFailure `unavailable` where the store is not open, or this node was removed (Q2). */
  private opened(): { readonly me: string; readonly member: Membership; readonly claims: Claims } {
    const { me, member, claims } = this;
    if (me === undefined || member === undefined || claims === undefined) {
      throw new StoreFailure('unavailable', 'the store is not open');
    }
    member.check();
    return { me, member, claims };
  }

  private server(): SqlServer {
    this.opened();
    return this.deps.server;
  }

  private encoded(waves: readonly (readonly StoreOperation[])[], format: number) {
    try {
      return waves.map((wave) => batchRowsOf(wave, this.shapes, format));
    } catch (cause) {
      if (cause instanceof StoreFailure) throw cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new StoreFailure('data', `an operation cannot be encoded: ${text}`, { cause });
    }
  }

  /** Q1. What fails here leaves a batch that is done without an answer: in doubt. */
  private async judged(
    batch: readonly StoreOperation[],
    {
      waves,
      counts,
      me,
    }: {
      readonly waves: readonly (readonly StoreOperation[])[];
      readonly counts: readonly WaveCounts[];
      readonly me: string;
    },
  ): Promise<readonly OperationResult[]> {
    let facts: ReadonlyMap<string, RowFacts>;
    try {
      const found = await this.deps.server.facts([...new Set(batch.map(gidOf))]);
      facts = new Map([...found].map(([gid, row]) => [gid, factsOf(row)]));
    } catch (cause) {
      throw new StoreFailure('unknown', 'the batch is written, its rows could not be read', {
        cause,
      });
    }
    const complete = new Set<StoreOperation>();
    waves.forEach((wave, i) => {
      for (const operation of wave) {
        const all = isListComplete(wave, listOf[operation.kind], counts[i]);
        // Alone in its wave, its own count has told.
        const judge = !all && wave.length > 1;
        if (all || (judge && guardHeld(operation, facts.get(gidOf(operation)), me))) {
          complete.add(operation);
        }
      }
    });
    return batchResults({
      batch,
      matched: batch.map((operation) => complete.has(operation)),
      facts,
      me,
    });
  }
}

/**
 * Whether an unfinished progress has matched, where not all of its list have: nobody but its owner changes what guards it,
 * so a guard that holds after its operation held before it.
 */
function guardHeld(operation: StoreOperation, row: RowFacts | undefined, me: string): boolean {
  if (operation.kind !== 'progress' || row === undefined) return false;
  const { tx } = operation;
  return (
    row.owner === me &&
    row.epoch === tx.epoch &&
    row.runId === tx.runId &&
    row.status === tx.status &&
    row.status === openStatusOf(tx.status) &&
    row.branches === tx.branches.length
  );
}

function isComplete(wave: readonly StoreOperation[], counts: WaveCounts | undefined): boolean {
  return Object.values(listOf).every((list) => isListComplete(wave, list, counts));
}

function isListComplete(
  wave: readonly StoreOperation[],
  list: (typeof listOf)[StoreOperation['kind']],
  counts: WaveCounts | undefined,
): boolean {
  return wave.filter(({ kind }) => listOf[kind] === list).length === counts?.[list];
}
