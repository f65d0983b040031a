/**
 * The store on an SQL server of its own. This side makes rows, judges results and keeps the node's claim; the family's
 * statements stand behind {@link SqlServer}.
 *
 * Q1 Counts are believed where they are complete. Where a list matched fewer rows than it has, its rows are read by key after
 *    the commit, and each operation is judged by what its row says: my owner, my epoch, my run, my target state.
 * Q2 One coordinator at a time (see {@link NodeClaim}). A node that lost its claim writes nothing more: its owner and epoch are
 *    in no row that another one has taken over.
 * Q3 A batch that is too large for one message is written in halves, one after the other: what is done already is answered with
 *    `applied` when the batch is repeated (S3). Where that is not what a failure ends in, it is a doubt (S4).
 */
import {
  type BranchId,
  type Clock,
  type Gid,
  type GlobalTransaction,
  type Scheduler,
  TercetError,
} from '@tercet/core';
import { batchResults, gidOf, openStatusOf } from '../batch-results';
import { decodeCursor, pageOf } from '../list-page';
import { duePositionOf, factsOf, summaryOf, transactionOf } from '../rows/rows';
import { SpecShapes } from '../rows/spec-shapes';
import {
  type BranchPayloads,
  type DuePosition,
  type DueQuery,
  type ListQuery,
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreOperation,
  type TransactionPage,
} from '../store';
import { cleanText } from '../stored-form';
import { batchRowsOf, listOf, wavesOf } from './batch-rows';
import { NodeClaim } from './node-claim';
import { BatchTooLarge, type SqlServer, type WaveCounts } from './sql-server';

/** What the store needs. */
export interface SqlStoreDeps {
  readonly server: SqlServer;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** For how long a node whose beat stands still is taken for alive, ms. */
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
}

const applied: OperationResult = { kind: 'applied' };

/** The store of one coordinator process, on a server. */
export class SqlStore implements Store {
  readonly name: string;
  private me: string | undefined;
  private claimed: NodeClaim | undefined;
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
      const onTrouble = (failure: StoreFailure): void => this.troubled?.(failure);
      const claim = new NodeClaim({ ...this.deps, onTrouble }, incarnation);
      await claim.take();
      this.claimed = claim;
      server.own(incarnation);
    } catch (error) {
      this.me = undefined;
      await server.close();
      throw error;
    }
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
      if (!(cause instanceof StoreFailure) || cause.kind !== 'unavailable') throw cause;
      const message = `a part of the batch is written, the rest is not: ${cause.message}`;
      throw new StoreFailure('unknown', message, { cause });
    }
  }

  private async writeOnce(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    const me = this.owner();
    const waves = wavesOf(batch);
    const rows = this.encoded(waves);
    const counts = await this.deps.server.write(rows);
    if (waves.every((wave, i) => isComplete(wave, counts[i])) && !batch.some(isFence)) {
      return batch.map(() => applied);
    }
    return await this.judged(batch, { waves, counts, me });
  }

  async claim(limit: number): Promise<readonly GlobalTransaction[]> {
    this.owner();
    const gids = await this.deps.server.claim(limit);
    const rows = await this.deps.server.load(gids, { owned: true });
    return rows.map(transactionOf);
  }

  async load(gid: Gid): Promise<GlobalTransaction | undefined> {
    return await this.one(gid, false);
  }

  async loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return await this.one(gid, true);
  }

  async loadPayloads(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    this.owner();
    return await this.deps.server.loadPayloads(gid, branchId);
  }

  async loadResult(gid: Gid): Promise<Uint8Array | undefined> {
    this.owner();
    return await this.deps.server.loadResult(gid);
  }

  async due(query: DueQuery): Promise<readonly DuePosition[]> {
    this.owner();
    return (await this.deps.server.due(query)).map(duePositionOf);
  }

  async list(query: ListQuery): Promise<TransactionPage> {
    this.owner();
    const { statuses, limit } = query;
    const after = decodeCursor(query.cursor);
    const name = query.name === undefined ? undefined : cleanText(query.name);
    const gidPrefix = query.gidPrefix === undefined ? undefined : cleanText(query.gidPrefix);
    const rows = await this.deps.server.list({ statuses, name, gidPrefix, limit, after });
    return pageOf(rows.map(summaryOf), limit);
  }

  async probe(): Promise<void> {
    this.owner();
    await this.deps.server.probe();
  }

  onTrouble(listener: (failure: StoreFailure) => void): void {
    this.troubled = listener;
  }

  async close(): Promise<void> {
    const { claimed } = this;
    this.me = undefined;
    this.claimed = undefined;
    await claimed?.giveBack();
    await this.deps.server.close();
  }

  private async one(gid: Gid, owned: boolean): Promise<GlobalTransaction | undefined> {
    this.owner();
    const [rows] = await this.deps.server.load([gid], { owned });
    return rows && transactionOf(rows);
  }

  /** Throws StoreFailure `unavailable` where the store is not open, or another node has taken it over (Q2). */
  private owner(): string {
    if (this.me === undefined || this.claimed === undefined) {
      throw new StoreFailure('unavailable', 'the store is not open');
    }
    this.claimed.check();
    return this.me;
  }

  private encoded(waves: readonly (readonly StoreOperation[])[]) {
    try {
      return waves.map((wave) => batchRowsOf(wave, this.shapes));
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
    row.status !== 'trying' &&
    row.status === openStatusOf(tx.status) &&
    row.branches === tx.branches.length
  );
}

function isFence({ kind }: StoreOperation): boolean {
  return kind === 'fence';
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
