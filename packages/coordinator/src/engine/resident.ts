import type { BranchId, Gid, GlobalTransaction, OperatorEvent, Scheduler } from '@tercet/core';
import type { DueEntry } from './due-queue';
import type { GateEntry } from './gate-entry';
import { Waiters } from './waiters';

/** An operator's event that waits to become durable. */
export interface PendingOrder {
  readonly event: OperatorEvent;
  readonly done: (result: OrderResult) => void;
  readonly failed: (error: unknown) => void;
}

/** What an order has changed. */
export interface OrderResult {
  readonly tx: GlobalTransaction;
  /** Empty where its effect was there already. */
  readonly changed: readonly BranchId[];
}

/** A due branch that was handed to its target's gate. */
export interface GatedCall extends GateEntry {
  readonly branchId: BranchId;
  /** Its call is under way; false = it waits for its turn. */
  running: boolean;
  /** Those who want to know when it has ended or was taken out. */
  readonly ended: (() => void)[];
}

/**
 * One transaction in the owner's memory.
 *
 * `tx` is the durable view: its status, epoch and set of branches are always what a commit has confirmed. Only
 * answers of branches are ahead of the store (`executed` may come from memory). What is pending, a registration, a
 * decision or an operator's order on its way to the store, exists nowhere but in the running step of the mailbox or in
 * `orders`, so nothing can leave from it.
 *
 * Most residents wait: what only busy ones need is made when it is needed, and given back.
 */
export class Resident {
  /** Undefined while the first step of this gid is under way. */
  tx: GlobalTransaction | undefined;
  /** Its plan in the engine's due queue. */
  due: DueEntry | undefined;
  /** A progress write is under way. */
  saving = false;
  /** Memory knows more of the branches than the last progress write. */
  unsaved = false;
  /** `nextAt` of the row, as far as it is known. */
  storedNextAt: number | undefined;
  /** Set while the resident is on its way out of memory; `until` = when it has to be back, undefined = not by time. */
  leaving: { readonly until: number | undefined } | undefined;
  /** Operators' orders that are not durable yet, in the order they came. */
  orders: readonly PendingOrder[] = none;
  private gated: readonly GatedCall[] = none;
  private stuckIds: Set<BranchId> | undefined;
  /** One entry for each `hold`. */
  private heldIds: readonly BranchId[] = none;
  private waiting: Waiters | undefined;
  private terms = 0;
  private tail: Promise<unknown> | undefined;
  private steps = 0;

  constructor(
    readonly gid: Gid,
    private readonly scheduler: Scheduler,
  ) {}

  /** Which time of ours with this transaction it is: what began in an earlier one concerns nobody any more. */
  get term(): number {
    return this.terms;
  }

  /** The transaction is in other hands: nothing of it is known here any more, and what is under way comes too late. */
  lose(): void {
    this.tx = undefined;
    this.unsaved = false;
    this.storedNextAt = undefined;
    this.stuckIds = undefined;
    this.terms++;
  }

  /** Whether anybody waits for a fact. */
  get hasWaiters(): boolean {
    return this.waiting !== undefined && this.waiting.size > 0;
  }

  /** Those who wait for a fact. */
  get waiters(): Waiters {
    this.waiting ??= new Waiters(this.scheduler);
    return this.waiting;
  }

  /** Tells those who wait, if anybody does, what is known: by default, what memory holds. */
  notify(tx: GlobalTransaction | undefined = this.tx): void {
    if (tx === undefined || this.waiting === undefined) return;
    this.waiting.notify(tx);
    if (this.waiting.size === 0) this.waiting = undefined;
  }

  /** Ends all waits. */
  release(): void {
    this.waiting?.release();
  }

  /** Runs `step` after all earlier ones of this gid: one decision is pending at a time, the first enqueued wins. */
  serially<T>(step: () => Promise<T>): Promise<T> {
    this.steps++;
    const result = (this.tail ?? Promise.resolve()).then(step);
    const over = (): void => {
      this.steps--;
      if (this.steps === 0) this.tail = undefined;
    };
    this.tail = result.then(over, over);
    return result;
  }

  /** How many steps wait or run. */
  get waitingSteps(): number {
    return this.steps;
  }

  /** The call of a branch that was handed to a gate, or undefined. */
  callOf(id: BranchId): GatedCall | undefined {
    return this.gated.find((call) => call.branchId === id);
  }

  /** The calls that were handed to gates. */
  get calls(): readonly GatedCall[] {
    return this.gated;
  }

  /** A call is handed to its gate. */
  addCall(call: GatedCall): void {
    this.gated = [...this.gated, call];
  }

  /** The gate has given a call back: it has ended, or was taken out. */
  removeCall(call: GatedCall): void {
    this.gated = this.gated.length === 1 ? none : this.gated.filter((other) => other !== call);
    for (const tell of call.ended.splice(0)) tell();
  }

  /** Remembers that a branch was reported as stuck, or no longer; false = it was remembered before. */
  reportStuck(id: BranchId, stuck: boolean): boolean {
    if (!stuck) {
      this.stuckIds?.delete(id);
      if (this.stuckIds?.size === 0) this.stuckIds = undefined;
      return true;
    }
    if (this.stuckIds?.has(id) === true) return false;
    this.stuckIds ??= new Set();
    this.stuckIds.add(id);
    return true;
  }

  /** Whether a branch was reported as stuck. */
  isReportedStuck(id: BranchId): boolean {
    return this.stuckIds?.has(id) === true;
  }

  /** No new call of a branch starts until `unhold`; holds are counted. */
  hold(id: BranchId): void {
    this.heldIds = [...this.heldIds, id];
  }

  /** Ends one `hold`. */
  unhold(id: BranchId): void {
    const place = this.heldIds.indexOf(id);
    const left = this.heldIds.filter((_, i) => i !== place);
    this.heldIds = left.length === 0 ? none : left;
  }

  /** Whether new calls of a branch are held. */
  isHeld(id: BranchId): boolean {
    return this.heldIds.includes(id);
  }

  /** Whether nobody needs this object for anything that only memory knows; calls may wait in gates. */
  get idle(): boolean {
    return (
      this.steps === 0 &&
      (this.waiting === undefined || this.waiting.size === 0) &&
      !this.saving &&
      this.orders.length === 0 &&
      this.heldIds.length === 0 &&
      !this.unsaved &&
      !this.gated.some((call) => call.running)
    );
  }

  /** Whether nobody needs this object any more once the transaction is finished. */
  get unused(): boolean {
    return this.idle && this.gated.length === 0;
  }
}

const none: readonly never[] = [];
