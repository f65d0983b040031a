/**
 * One step of a transaction's mailbox: what is there → `decide` → durable → memory. Runs for one event of a gid at a
 * time (E1).
 */
import {
  type Clock,
  type Decision,
  type GlobalTransaction,
  type TransactionEvent,
  assertNever,
  decide,
  decisionOf,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { RowFacts } from '../store/store';
import type { Admission, Reservation } from './admission';
import type { BatchWriter } from './batch-writer';
import type { InterceptorChain } from './interceptors';
import { type LeanForms, isLean } from './lean';
import type { Mending } from './mending';
import type { PayloadCache } from './payload-cache';
import { moved } from './progress';
import type { Resident } from './resident';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { Takeover } from './takeover';
import type { TransactionOperation, WriteResult } from './write-queue';

/** What a step needs. */
export interface StepDeps {
  readonly writer: BatchWriter;
  readonly residents: Residents;
  readonly payloads: PayloadCache;
  readonly forms: LeanForms;
  readonly admission: Admission;
  readonly interceptors: InterceptorChain;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Plans the next step of a transaction whose durable state has just become known. */
  readonly goOn: (resident: Resident, tx: GlobalTransaction) => void;
  readonly reader: StoreReader;
  readonly takeover: Takeover;
  readonly mending: Mending;
  /** Whether other nodes use the store, too. */
  readonly shared: boolean;
}

/** Bounds of a step. */
export interface StepOptions {
  /** Unix ms after which nobody waits for a registration. */
  readonly expiresAt?: number | undefined;
}

type Accepted = Extract<Decision, { kind: 'accepted' }>;

interface Step {
  readonly resident: Resident;
  readonly event: TransactionEvent;
  readonly options: StepOptions;
}

/** How one try of a step ended: with the durable state, or with what the row says, where that is not what was believed. */
type TryEnd =
  | { readonly tx: GlobalTransaction }
  | { readonly tx: undefined; readonly row: RowFacts | undefined };

/** How often a step begins anew because others were faster, before the caller is sent back. */
const TRIES = 3;

/** Takes steps. */
export class Steps {
  constructor(private readonly deps: StepDeps) {}

  /** Resolves with the durable state after the event; rejects with a TercetError. */
  async take(
    resident: Resident,
    event: TransactionEvent,
    options: StepOptions,
  ): Promise<GlobalTransaction> {
    const { residents } = this.deps;
    const step = { resident, event, options };
    const opens = event.kind === 'register' && event.opening !== undefined;
    let end: TryEnd = { tx: undefined, row: undefined };
    if (resident.tx === undefined && opens) {
      // Where all that is ours is in memory, an opening need not ask the store: its insert finds out. One that had left
      // memory would take the repeated insert for its own, whatever the bytes.
      const back = residents.isAbsent(resident.gid) && (await residents.bring(resident));
      if (!back) end = await this.open(step);
    }
    for (let tries = 0; tries < TRIES && end.tx === undefined; tries++) {
      const known = resident.tx ?? (await this.met(step, end.row));
      end = await this.onto(known, step);
    }
    if (end.tx === undefined) throw moved(resident);
    return end.tx;
  }

  /** What the event meets where memory holds nothing. */
  private met(
    { resident, event, options }: Step,
    row: RowFacts | undefined,
  ): Promise<GlobalTransaction | undefined> {
    // Nobody asked for it: it fell due here, and was lost before its turn came.
    if (event.kind === 'deadline') throw moved(resident);
    return this.deps.takeover.forEvent(resident, event, { ...options, row });
  }

  /** Opens a transaction, unless the gid is there already. */
  private async open({ resident, event, options }: Step): Promise<TryEnd> {
    const { gid } = resident;
    const decision = decide({ gid, tx: undefined }, event, this.deps.clock.now());
    if (decision.kind !== 'accepted') return { tx: answerOf(decision) };
    let reservation: Reservation;
    try {
      reservation = this.admit(decision, undefined);
    } catch (error) {
      // There is no room for a new one; a repeat of an old one is still answered (I9).
      const row = await this.deps.reader.facts(gid);
      if (row !== undefined) return { tx: undefined, row };
      throw error;
    }
    const result = await this.deps.writer.write(operationOf(decision, undefined), options);
    if (result.kind !== 'applied') reservation.release();
    if (result.kind === 'refused') return { tx: undefined, row: result.row };
    return { tx: this.written(resident, decision, result) };
  }

  /** Brings an event to what is there. */
  private async onto(known: GlobalTransaction | undefined, step: Step): Promise<TryEnd> {
    const { resident, event, options } = step;
    const { mending, writer } = this.deps;
    const tx = known === undefined ? undefined : await this.withBytes(known, event);
    const decision = decide({ gid: resident.gid, tx }, event, this.deps.clock.now());
    if (decision.kind !== 'accepted') {
      const other = event.kind === 'deadline' ? undefined : await this.otherOwner(resident);
      if (other !== undefined) return { tx: undefined, row: other };
      return { tx: answerOf(decision, resident.tx) };
    }
    // It vanished or changed between two reads.
    if (known === undefined || resident.tx === undefined) return { tx: undefined, row: undefined };
    const reservation = this.admit(decision, known);
    const result = await writer.write(operationOf(decision, known), options);
    if (result.kind !== 'applied') reservation.release();
    if (result.kind === 'refused' && this.isElsewhere(resident, result.row)) {
      mending.lose(resident);
      return { tx: undefined, row: result.row };
    }
    return { tx: this.written(resident, decision, result) };
  }

  /**
   * What memory knows of an undecided transaction is proven by each write. An answer without one is given only where the row
   * is still ours; where it is not, the transaction is let go of. Decisions never change: they need no proof. Nor does a
   * deadline that came too early: nobody is answered.
   */
  private async otherOwner(resident: Resident): Promise<RowFacts | undefined> {
    const { mending, reader, shared } = this.deps;
    if (!shared || resident.tx?.status !== 'trying') return undefined;
    const row = await reader.facts(resident.gid);
    if (row === undefined || !this.isElsewhere(resident, row)) return undefined;
    mending.lose(resident);
    return row;
  }

  /** Whether memory is from before the transaction went to another node; by now it may be ours again. */
  private isElsewhere(resident: Resident, row: RowFacts | undefined): boolean {
    const { mending, shared } = this.deps;
    if (!shared || row === undefined) return shared;
    return mending.isForeign(row) || mending.isNewer(resident, row);
  }

  /** A repeated registration is compared byte for byte; memory has none of the bytes. */
  private async withBytes(
    tx: GlobalTransaction,
    event: TransactionEvent,
  ): Promise<GlobalTransaction> {
    if (event.kind !== 'register') return tx;
    const asked = new Set(event.branches.map(({ id }) => id));
    const wanted = tx.branches.some(({ spec }) => asked.has(spec.id) && isLean(spec));
    if (!wanted) return tx;
    const branches = await Promise.all(
      tx.branches.map(async (branch) => {
        if (!asked.has(branch.spec.id) || !isLean(branch.spec)) return branch;
        const payloads = await this.deps.payloads.of(tx.gid, branch.spec.id);
        return payloads === undefined
          ? branch
          : { ...branch, spec: { ...branch.spec, ...payloads } };
      }),
    );
    return { ...tx, branches };
  }

  private admit(decision: Accepted, known: GlobalTransaction | undefined): Reservation {
    const { change, next } = decision;
    const added = change.kind === 'decided' ? [] : next.branches.slice(known?.branches.length ?? 0);
    return this.deps.admission.admit({
      gid: next.gid,
      opens: change.kind === 'opened',
      targets: added.map(({ spec }) => spec.target),
    });
  }

  private written(resident: Resident, decision: Accepted, result: WriteResult): GlobalTransaction {
    switch (result.kind) {
      case 'dropped':
        // A doubt that came before may have raised the row's epoch.
        if (resident.tx !== undefined) resident.tx = { ...resident.tx, epoch: result.epoch };
        throw result.error;
      case 'refused':
        this.deps.mending.mendOrLose(resident, result.row);
        throw moved(resident);
      case 'applied': {
        const tx = this.inMemory(resident.tx, decision, result.epoch);
        resident.tx = tx;
        if (decision.change.kind === 'decided') this.decided(tx);
        resident.notify();
        this.deps.goOn(resident, tx);
        if (decision.change.kind === 'opened') this.deps.residents.makeRoom();
        return tx;
      }
      default:
        return assertNever(result, 'write result');
    }
  }

  /** What is durable now, in its lean form; what memory had already stays the same objects. */
  private inMemory(
    before: GlobalTransaction | undefined,
    { change, next }: Accepted,
    epoch: number,
  ): GlobalTransaction {
    const { payloads, forms } = this.deps;
    switch (change.kind) {
      case 'opened':
        payloads.keep(next.gid, next.branches);
        return { ...forms.transaction(next), epoch };
      case 'extended': {
        payloads.keep(next.gid, change.added);
        const added = change.added.map((branch) => forms.branch(branch));
        return { ...(before ?? next), branches: [...(before?.branches ?? []), ...added], epoch };
      }
      case 'decided':
        return { ...next, epoch };
    }
  }

  private decided(tx: GlobalTransaction): void {
    const { gid, runId, name, cause, decidedAt, openedAt, branches } = tx;
    const decision = decisionOf(tx.status);
    if (decision === undefined || cause === undefined || decidedAt === undefined) return;
    this.deps.admission.decided();
    this.deps.logger.debug({ gid, status: tx.status, cause: cause.kind }, 'decided');
    const count = branches.length;
    this.deps.interceptors.decision({
      gid,
      runId,
      name,
      decision,
      cause,
      branches: count,
      openedAt,
      decidedAt,
    });
  }
}

/** Where the event was a repeat, the answer is what memory knows (its branches carry no bytes). */
function answerOf(
  decision: Exclude<Decision, { kind: 'accepted' }>,
  known?: GlobalTransaction,
): GlobalTransaction {
  if (decision.kind === 'rejected') throw decision.error;
  return known ?? decision.current;
}

function operationOf(
  decision: Accepted,
  known: GlobalTransaction | undefined,
): TransactionOperation {
  const { change, next } = decision;
  switch (change.kind) {
    case 'opened':
      return { kind: 'open', tx: next };
    case 'extended':
      return { kind: 'extend', tx: next, before: known?.branches.length ?? 0 };
    case 'decided':
      return { kind: 'decide', tx: next, result: change.result };
    default:
      return assertNever(change, 'change');
  }
}
