/**
 * Phase two of resident transactions: calls every due branch at once, keeps what came back, plans the next attempt.
 *
 * F1 Calls leave from the durable decision only; one call per branch at a time.
 * F2 An answer counts in memory at once (executed) and becomes durable with a later commit (settled).
 * F3 Every failure is kept with its branch: nothing is summed up to "the first error".
 */
import { setMaxListeners } from 'node:events';
import {
  type Branch,
  type BranchId,
  type Clock,
  type GlobalTransaction,
  type Random,
  completed,
  dueAt,
  findBranch,
  isFinished,
  openPhase,
  openSince,
  outcomeOf,
  payloadOf,
  pendingBranches,
  serviceOf,
  stuckReasonAt,
  withOutcome,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCaller } from '../participant/participant-caller';
import type { RowFacts } from '../store/store';
import type { BatchWriter } from './batch-writer';
import type { TransactionOperation, WriteResult } from './write-queue';
import type { DueQueue } from './due-queue';
import type { Resident } from './resident';

/** What phase two needs. */
export interface FanOutDeps {
  readonly caller: ParticipantCaller;
  readonly writer: BatchWriter;
  readonly due: DueQueue<Resident>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Greatest difference of clocks that a first Cancel outwaits. */
  readonly clockSkewMs: number;
  /** A transaction is durable in its end. */
  readonly onFinished: (resident: Resident) => void;
  /** A write found the row in other hands. */
  readonly onLost: (resident: Resident, row: RowFacts | undefined) => void;
}

/** Drives phase two. */
export class FanOut {
  private readonly stopping = new AbortController();
  private running = 0;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: FanOutDeps) {
    // Every running call listens to it; Node would warn of a leak at the eleventh.
    setMaxListeners(0, this.stopping.signal);
  }

  /** Calls what is due and plans the rest. Safe to repeat at any time. */
  drive(resident: Resident): void {
    const { tx } = resident;
    if (tx === undefined || openPhase(tx) === undefined || this.stopping.signal.aborted) return;
    if (pendingBranches(tx).length === 0) return this.save(resident);
    const now = this.deps.clock.now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const branch of pendingBranches(tx)) {
      const at = dueAt(tx, branch, this.deps.clockSkewMs);
      if (at === undefined || resident.calling.has(branch.spec.id)) continue;
      if (at <= now) void this.call(resident, tx, branch);
      else wakeAt = Math.min(wakeAt, at);
    }
    if (wakeAt < Number.POSITIVE_INFINITY) this.deps.due.set(resident, wakeAt);
  }

  /** Starts no more calls, gives running ones up and resolves when they have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private async call(resident: Resident, tx: GlobalTransaction, branch: Branch): Promise<void> {
    const phase = openPhase(tx);
    if (phase === undefined) return;
    const { spec } = branch;
    resident.calling.add(spec.id);
    this.running++;
    const reply = await this.deps.caller.call({
      target: spec.target,
      method: spec.methods[phase],
      payload: payloadOf(spec, phase),
      context: {
        gid: tx.gid,
        runId: tx.runId,
        branchId: spec.id,
        action: spec.action,
        phase,
        attempt: branch.attempts.count + 1,
        notAfter: phase === 'cancel' ? branch.notAfter : undefined,
        trace: tx.trace,
      },
      deadlineMs: phase === 'confirm' ? spec.deadlines.confirmMs : spec.deadlines.cancelMs,
      signal: this.stopping.signal,
    });
    resident.calling.delete(spec.id);
    // An attempt that we gave up ourselves says nothing about the participant: it is not counted.
    const givenUp = this.stopping.signal.aborted && reply.code !== 0;
    if (!givenUp && resident.tx !== undefined) {
      this.answered(resident, spec.id, outcomeOf(spec.dialect, phase, reply));
    }
    this.running--;
    if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  private answered(
    resident: Resident,
    branchId: BranchId,
    outcome: ReturnType<typeof outcomeOf>,
  ): void {
    const before = resident.tx as GlobalTransaction;
    const now = this.deps.clock.now();
    const tx = withOutcome(before, { branchId, outcome }, { now, random: this.deps.random });
    resident.tx = tx;
    resident.unsaved.add(branchId);
    this.report(resident, tx, branchId);
    resident.waiters.notify(tx);
    this.save(resident);
    this.drive(resident);
  }

  private report(resident: Resident, tx: GlobalTransaction, branchId: BranchId): void {
    const branch = findBranch(tx, branchId);
    const phase = openPhase(tx);
    if (branch === undefined || phase === undefined || tx.decidedAt === undefined) return;
    const { attempts, spec } = branch;
    const fields = {
      gid: tx.gid,
      branch: branchId,
      action: spec.action,
      phase,
      attempts: attempts.count,
    };
    if (branch.status !== 'registered') {
      resident.reportedStuck.delete(branchId);
      this.deps.logger.debug(fields, 'branch done');
      return;
    }
    const failure = {
      ...attempts.lastFailure,
      service: serviceOf(spec.methods[phase]),
      target: spec.target,
    };
    const now = this.deps.clock.now();
    const reason = stuckReasonAt(branch, openSince(tx, branch, this.deps.clockSkewMs) ?? now, now);
    if (reason === undefined || resident.reportedStuck.has(branchId)) {
      this.deps.logger.debug({ ...fields, ...failure }, 'attempt failed');
      return;
    }
    resident.reportedStuck.add(branchId);
    this.deps.logger.warn(
      { ...fields, ...failure, reason },
      'branch is stuck; it is retried until it answers',
    );
  }

  /** Lets the answers ride with a later commit; at the last one the completion rides with them. */
  private save(resident: Resident): void {
    if (resident.saving) return;
    resident.saving = true;
    let written: GlobalTransaction | undefined;
    this.deps.writer.ride({
      gid: resident.gid,
      take: () => {
        const operation = this.progressOf(resident);
        written = operation?.tx;
        if (operation === undefined) resident.saving = false;
        return operation;
      },
      done: (result) => this.saved(resident, written, result),
    });
  }

  private progressOf(resident: Resident): TransactionOperation | undefined {
    const { tx } = resident;
    if (tx === undefined) return undefined;
    const branchIds = [...resident.unsaved];
    resident.unsaved.clear();
    return { kind: 'progress', tx: completed(tx, this.deps.clock.now()) ?? tx, branchIds };
  }

  private saved(
    resident: Resident,
    written: GlobalTransaction | undefined,
    result: WriteResult,
  ): void {
    resident.saving = false;
    const { tx } = resident;
    if (tx === undefined || written === undefined) return;
    if (result.kind === 'dropped') throw new Error('bug: an outcome is never dropped');
    if (result.kind === 'refused') return this.deps.onLost(resident, result.row);
    if (isFinished(written.status)) {
      resident.tx = { ...written, epoch: result.epoch };
      this.deps.onFinished(resident);
      return;
    }
    resident.tx = { ...tx, epoch: result.epoch };
    if (resident.unsaved.size > 0) this.save(resident);
  }
}
