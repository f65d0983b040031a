/**
 * Makes durable what phase two has brought: answers of branches, operators' orders, the end.
 *
 * P1 One progress write of a transaction is under way at a time; what comes meanwhile goes with the next one.
 * P2 An answer counts in memory at once (executed); an operator's order counts when it is durable.
 * P3 The last answer's write is the completion.
 * P4 A transaction that leaves memory writes first when it has to be back.
 */
import {
  type BranchId,
  type Clock,
  type GlobalTransaction,
  type OperatorEvent,
  TercetError,
  completed,
  decidedByTimeAt,
  dueAt,
  isFinished,
  openPhase,
  operate,
} from '@tercet/core';
import type { RowFacts } from '../store/store';
import type { BatchWriter } from './batch-writer';
import type { OrderResult, PendingOrder, Resident } from './resident';
import type { TransactionOperation, WriteResult } from './write-queue';

/** What saving needs. */
export interface ProgressDeps {
  readonly writer: BatchWriter;
  readonly clock: Clock;
  /** Greatest difference of clocks that a first Cancel outwaits. */
  readonly clockSkewMs: number;
  /** A write is durable, and the transaction goes on. */
  readonly onSaved: (resident: Resident) => void;
  /** A transaction is durable in its end. */
  readonly onFinished: (resident: Resident) => void;
  /** A write found the row in other hands. */
  readonly onLost: (resident: Resident, row: RowFacts | undefined) => void;
  /** A write of a transaction that is not here any more has ended: nobody may need the resident now. */
  readonly onIdle: (resident: Resident) => void;
}

/** What one write holds. */
interface Written {
  readonly operation: Extract<TransactionOperation, { kind: 'progress' }>;
  /** The resident's term in which it was written. */
  readonly term: number;
  readonly orders: readonly {
    readonly order: PendingOrder;
    readonly changed: readonly BranchId[];
  }[];
}

/** Saves what phase two brings. */
export class Progress {
  constructor(private readonly deps: ProgressDeps) {}

  /** Lets what is not durable ride with a later commit. Safe to repeat. */
  save(resident: Resident): void {
    if (resident.saving) return;
    resident.saving = true;
    let written: Written | undefined;
    this.deps.writer.ride({
      gid: resident.gid,
      take: () => {
        written = this.collect(resident);
        if (written === undefined) this.nothingToWrite(resident);
        return written?.operation;
      },
      done: (result) => this.saved(resident, written, result),
    });
  }

  /** Carries out an operator's order on a resident, decided transaction. Resolves when it is durable (P2). */
  order(resident: Resident, event: OperatorEvent): Promise<OrderResult> {
    return new Promise((done, failed) => {
      resident.orders = [...resident.orders, { event, done, failed }];
      this.save(resident);
    });
  }

  /** When the transaction has to be looked at next, Unix ms; undefined = not by time. */
  nextAt(tx: GlobalTransaction): number | undefined {
    if (tx.status === 'trying') return decidedByTimeAt(tx);
    const times = tx.branches.flatMap((one) => dueAt(tx, one, this.deps.clockSkewMs) ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  private collect(resident: Resident): Written | undefined {
    if (resident.tx === undefined || openPhase(resident.tx) === undefined) return undefined;
    const now = this.deps.clock.now();
    resident.unsaved = false;
    let tx = resident.tx;
    const orders = resident.orders.map((order) => {
      const decision = operate(tx, order.event, now);
      if (decision.kind === 'accepted') tx = decision.next;
      const changed = decision.kind === 'accepted' ? decision.changed : [];
      return { order, changed };
    });
    tx = completed(tx, now) ?? tx;
    const nextAt = isFinished(tx.status)
      ? undefined
      : resident.leaving === undefined
        ? this.nextAt(tx)
        : resident.leaving.until;
    return {
      operation: { kind: 'progress', tx, nextAt },
      term: resident.term,
      orders,
    };
  }

  /** Phase two is over, or in other hands. */
  private nothingToWrite(resident: Resident): void {
    resident.saving = false;
    this.endOrders(resident);
    this.deps.onIdle(resident);
  }

  /** The transaction is in other hands: its orders are told so, and a write under way concerns nobody any more. */
  lost(resident: Resident): void {
    this.endOrders(resident);
  }

  /** Orders that came too late find nothing left to do, or nobody here who could do it. */
  private endOrders(resident: Resident): void {
    const { orders, tx } = resident;
    resident.orders = [];
    for (const { done, failed } of orders) {
      if (tx !== undefined && isFinished(tx.status)) done({ tx, changed: [] });
      else failed(moved(resident));
    }
  }

  private saved(resident: Resident, written: Written | undefined, result: WriteResult): void {
    resident.saving = false;
    const { tx } = resident;
    if (tx === undefined || written === undefined) return this.nothingToWrite(resident);
    // It was lost and taken over again, or read again, while the write was under way: what has come since waits for the next.
    const late = result.kind === 'refused' && written.operation.tx.epoch < tx.epoch;
    if (late || written.term !== resident.term) return this.save(resident);
    if (result.kind === 'dropped') throw new Error('bug: an outcome is never dropped');
    if (result.kind === 'refused') {
      this.endOrders(resident);
      return this.deps.onLost(resident, result.row);
    }
    const { operation, orders } = written;
    const finished = isFinished(operation.tx.status);
    const now = finished ? operation.tx : this.withOrders(tx, written);
    const saved = { ...now, epoch: result.epoch };
    resident.tx = saved;
    resident.storedNextAt = operation.nextAt;
    resident.orders = resident.orders.slice(orders.length);
    for (const { order, changed } of orders) order.done({ tx: saved, changed });
    if (finished) {
      this.endOrders(resident);
      return this.deps.onFinished(resident);
    }
    resident.notify();
    if (resident.unsaved || resident.orders.length > 0) this.save(resident);
    this.deps.onSaved(resident);
  }

  /** Answers may have come during the write: the orders are applied to what memory knows now. */
  private withOrders(tx: GlobalTransaction, { operation, orders }: Written): GlobalTransaction {
    const saved = new Map(operation.tx.branches.map((branch) => [branch.spec.id, branch]));
    const ordered = new Set(orders.flatMap(({ changed }) => changed));
    if (ordered.size === 0) return tx;
    return {
      ...tx,
      branches: tx.branches.map((branch) => {
        if (!ordered.has(branch.spec.id) || branch.status !== 'registered') return branch;
        const after = saved.get(branch.spec.id);
        if (after === undefined || branch.attempts.count > after.attempts.count) return branch;
        return after;
      }),
    };
  }
}

/** The transaction belongs to another coordinator now. */
export function moved(resident: Resident): TercetError {
  return new TercetError('MOVED', { details: { gid: resident.gid } });
}
