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
import type { PayloadCache } from './payload-cache';
import { moved } from './progress';
import type { Resident } from './resident';
import type { Residents } from './residents';
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
  /** A write was refused: the row is not what memory says. */
  readonly onRefused: (resident: Resident, row: RowFacts | undefined) => void;
}

/** Bounds of a step. */
export interface StepOptions {
  /** Unix ms after which nobody waits for a registration. */
  readonly expiresAt?: number | undefined;
}

type Accepted = Extract<Decision, { kind: 'accepted' }>;

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
    const opens = event.kind === 'register' && event.opening !== undefined;
    if (resident.tx === undefined && opens) {
      // Where all that is ours is in memory, an opening need not ask the store: its insert finds out. One that had left
      // memory would take the repeated insert for its own, whatever the bytes.
      const back = residents.absentCount > 0 && (await residents.bring(resident));
      const opened = back ? undefined : await this.open(resident, event, options);
      if (opened !== undefined) return opened;
    }
    return await this.onto(await residents.present(resident), { resident, event, options });
  }

  /** Opens a transaction; undefined = the gid is there already. */
  private async open(
    resident: Resident,
    event: TransactionEvent,
    options: StepOptions,
  ): Promise<GlobalTransaction | undefined> {
    const { gid } = resident;
    const decision = decide({ gid, tx: undefined }, event, this.deps.clock.now());
    if (decision.kind !== 'accepted') return answerOf(decision);
    let reservation: Reservation;
    try {
      reservation = this.admit(decision, undefined);
    } catch (error) {
      // There is no room for a new one; a repeat of an old one is still answered (I9).
      if ((await this.deps.residents.present(resident)) !== undefined) return undefined;
      throw error;
    }
    const result = await this.deps.writer.write(operationOf(decision, undefined), options);
    if (result.kind !== 'applied') reservation.release();
    if (result.kind === 'refused') return undefined;
    return this.written(resident, decision, result);
  }

  /** Brings an event to what is there. */
  private async onto(
    known: GlobalTransaction | undefined,
    step: {
      readonly resident: Resident;
      readonly event: TransactionEvent;
      readonly options: StepOptions;
    },
  ): Promise<GlobalTransaction> {
    const { resident, event, options } = step;
    const tx = known === undefined ? undefined : await this.withBytes(known, event);
    const decision = decide({ gid: resident.gid, tx }, event, this.deps.clock.now());
    if (decision.kind !== 'accepted') return answerOf(decision, resident.tx);
    // It vanished between two reads, or it is unfinished in other hands.
    if (known === undefined || resident.tx === undefined) throw moved(resident);
    const reservation = this.admit(decision, known);
    const result = await this.deps.writer.write(operationOf(decision, known), options);
    if (result.kind !== 'applied') reservation.release();
    return this.written(resident, decision, result);
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
        this.deps.onRefused(resident, result.row);
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
