/**
 * One coordinator at a time on a shared store: a row that names it and a beat that shows that it lives. No clocks are compared:
 * who finds a claim watches its beat on a clock of its own.
 *
 * N1 A claim whose beat rises, or that has not been watched for the whole ttl, is alive: the store is in use.
 * N2 A dead one is replaced by compare-and-set on its incarnation and beat: of two that try, one succeeds.
 * N3 Who finds that its claim was replaced writes nothing more. What a write of it may still do is fenced: the new one raises the
 *    epoch of every row that it takes over.
 * N4 A beat that could not be written is no reason to stop: only somebody else's claim is.
 */
import { type Clock, type Scheduler, TercetError, type Timer } from '@tercet/core';
import { StoreFailure } from '../store';
import type { NodeRow, SqlServer } from './sql-server';

/** What a claim needs. */
export interface NodeClaimDeps {
  readonly server: Pick<SqlServer, 'node' | 'replaceNode'>;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly nodeTtlMs: number;
  readonly where: string;
  /** Told of every beat that could not be written, and of a claim that was replaced. */
  readonly onTrouble?: (failure: StoreFailure) => void;
}

/** Beats and looks in each ttl. */
const PARTS = 4;

/** The claim of one incarnation. */
export class NodeClaim {
  private row: NodeRow;
  private timer: Timer | undefined;
  private beating: Promise<void> | undefined;
  private lostTo: string | undefined;
  private over = false;

  constructor(
    private readonly deps: NodeClaimDeps,
    incarnation: string,
  ) {
    this.row = { incarnation, beat: 0, where: deps.where };
  }

  /** Takes the store. Rejects with STORE_IN_USE where somebody alive has it; a dead one is waited for, at most a ttl. */
  async take(): Promise<void> {
    const { server, nodeTtlMs } = this.deps;
    let seen = await server.node();
    for (let looks = 0; seen !== undefined && looks < PARTS; looks++) {
      await this.pause(nodeTtlMs / PARTS);
      const now = await server.node();
      if (now !== undefined && !isSame(now, seen)) throw inUse(now);
      seen = now;
    }
    const first = { ...this.row, beat: 1 };
    if (!(await server.replaceNode(seen, first))) throw inUse(await server.node());
    this.row = first;
    this.plan();
  }

  /** Throws StoreFailure `unavailable` where somebody else has taken the store over (N3). */
  check(): void {
    if (this.lostTo !== undefined) throw takenOver(this.lostTo);
  }

  /** Lets the next one take the store at once. Never rejects. */
  async giveBack(): Promise<void> {
    this.over = true;
    this.timer?.cancel();
    await this.beating;
    if (this.lostTo !== undefined) return;
    const { server } = this.deps;
    try {
      if (await server.replaceNode(this.row, undefined)) return;
      // The answer to the last beat may have been lost: its row is ours all the same.
      const now = await server.node();
      if (now?.incarnation === this.row.incarnation) await server.replaceNode(now, undefined);
    } catch {
      // It is taken for dead after the ttl.
    }
  }

  private plan(): void {
    if (this.over || this.lostTo !== undefined) return;
    this.timer = this.deps.scheduler.after(this.deps.nodeTtlMs / PARTS, () => {
      this.beating = this.beat().then(() => this.plan());
    });
  }

  private async beat(): Promise<void> {
    const next = { ...this.row, beat: this.row.beat + 1 };
    try {
      if (await this.deps.server.replaceNode(this.row, next)) {
        this.row = next;
        return;
      }
      const now = await this.deps.server.node();
      // The answer to an earlier beat may have been lost: its row is ours all the same.
      if (now?.incarnation === this.row.incarnation) {
        this.row = now;
        return;
      }
      this.lostTo = now?.where ?? 'nobody';
      this.deps.onTrouble?.(takenOver(this.lostTo));
    } catch (error) {
      // N4. A conflict is none of the store's troubles.
      if (!(error instanceof StoreFailure) || error.kind === 'transient' || this.over) return;
      this.deps.onTrouble?.(error);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.deps.scheduler.after(ms, resolve));
  }
}

function isSame(a: NodeRow, b: NodeRow): boolean {
  return a.incarnation === b.incarnation && a.beat === b.beat;
}

function takenOver(by: string): StoreFailure {
  return new StoreFailure(
    'unavailable',
    `the store was taken over by ${by}: this process was taken for dead; restart it`,
  );
}

function inUse(by: NodeRow | undefined): TercetError {
  const who = by === undefined ? 'another coordinator' : `the coordinator ${by.where}`;
  return new TercetError('STORE_IN_USE', {
    message: `the store is in use by ${who}; one coordinator at a time can have it`,
  });
}
