/**
 * Phase two of resident transactions: hands every due branch to its target's gate, keeps what came back, plans the
 * next attempt.
 *
 * F1 Calls leave from the durable decision only; one call per branch at a time.
 * F2 An answer counts in memory at once (executed) and becomes durable with a later commit (settled).
 * F3 Every failure is kept with its branch: nothing is summed up to "the first error".
 * F4 Who is called is looked at again when the gate lets the call go: meanwhile the branch may have ended, been
 *    parked, or be in an operator's hands.
 * F5 While a target is down, its gate alone says when a branch is called that did not reach it.
 */
import { setMaxListeners } from 'node:events';
import {
  type Branch,
  type BranchAnswer,
  type BranchId,
  type CallFailure,
  type Clock,
  type GlobalTransaction,
  type Random,
  type Scheduler,
  dueAt,
  findBranch,
  grpcCode,
  openPhase,
  outcomeOf,
  payloadOf,
  pendingBranches,
  withHeldBack,
  withOutcome,
} from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCall, ParticipantCaller } from '../participant/participant-caller';
import type { BranchPayloads } from '../store/store';
import type { Admission } from './admission';
import { reportAttempt } from './attempt-report';
import { BranchCall } from './branch-call';
import type { DueQueue } from './due-queue';
import type { GateReply } from './gate';
import type { Gates } from './gates';
import type { InterceptorChain } from './interceptors';
import type { PayloadCache } from './payload-cache';
import type { Progress } from './progress';
import type { GatedCall, Resident } from './resident';
import { RunningWork } from './running-work';
import { TimerSet } from './timer-set';

/** What phase two needs. */
export interface FanOutDeps {
  readonly caller: ParticipantCaller;
  readonly gates: Gates;
  readonly admission: Admission;
  readonly payloads: PayloadCache;
  readonly progress: Progress;
  readonly interceptors: InterceptorChain;
  readonly due: DueQueue<Resident>;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  /** Greatest difference of clocks that a first Cancel outwaits. */
  readonly clockSkewMs: number;
  /** The store keeps no bytes of a branch that memory knows: memory and store differ. */
  readonly onForeign: (resident: Resident) => void;
  /** A call of a transaction that is not here any more has ended: nobody may need the resident now. */
  readonly onIdle: (resident: Resident) => void;
}

/** Time until a call that could not be made, its payloads not being readable, is tried again. */
const PUT_OFF_MS = 1_000;

/** Drives phase two. */
export class FanOut {
  private readonly givingUp = new AbortController();
  private readonly running = new RunningWork();
  private readonly timers: TimerSet;
  private stopping = false;

  constructor(private readonly deps: FanOutDeps) {
    this.timers = new TimerSet(deps.scheduler);
    // Every running call listens to it; Node would warn of a leak at the eleventh.
    setMaxListeners(0, this.givingUp.signal);
  }

  /** Hands over what is due and plans the rest. Safe to repeat at any time. */
  drive(resident: Resident): void {
    const { tx } = resident;
    if (tx === undefined || openPhase(tx) === undefined || this.stopping) return;
    const pending = pendingBranches(tx);
    if (pending.length === 0) return this.deps.progress.save(resident);
    const now = this.deps.clock.now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const branch of pending) {
      const { id } = branch.spec;
      const at = dueAt(tx, branch, this.deps.clockSkewMs);
      if (at === undefined || resident.isHeld(id) || resident.callOf(id) !== undefined) continue;
      if (at <= now || this.belongsBehindGate(branch)) this.handOver(resident, branch);
      else wakeAt = Math.min(wakeAt, at);
    }
    if (wakeAt < Number.POSITIVE_INFINITY) this.deps.due.set(resident, wakeAt);
    else this.deps.due.delete(resident);
  }

  /** No new call of the branch starts; resolves when none is under way. To be ended by `resident.unhold`. */
  async hold(resident: Resident, branchId: BranchId): Promise<void> {
    resident.hold(branchId);
    const call = resident.callOf(branchId);
    if (call === undefined) return;
    if (this.withdraw(resident, call)) return;
    await new Promise<void>((resolve) => call.ended.push(resolve));
  }

  /** Takes every call that waits for its turn out of its gate. */
  withdrawAll(resident: Resident): void {
    for (const call of resident.calls) this.withdraw(resident, call);
  }

  /**
   * Starts no more calls. Running ones may end by themselves for `graceMs`, then they are given up. Resolves when all
   * have ended.
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.timers.close();
    this.deps.gates.close();
    const timer = this.deps.scheduler.after(graceMs, () => this.givingUp.abort());
    await this.running.over();
    timer.cancel();
  }

  /** Starts no more calls, and gives up those that run. What they still answer concerns nobody. */
  giveUp(): void {
    this.stopping = true;
    this.timers.close();
    this.deps.gates.close();
    this.givingUp.abort();
  }

  /**
   * While its target is down a branch that met that waits with the others (F5): its own backoff would keep it away when
   * the target is back, and it grows with every probe.
   */
  private belongsBehindGate({ spec, attempts }: Branch): boolean {
    const { stuckReason } = attempts;
    if (stuckReason !== 'unreachable' && stuckReason !== 'deadline') return false;
    return this.deps.gates.state(spec.target).phase === 'down';
  }

  private handOver(resident: Resident, branch: Branch): void {
    const call = new BranchCall(resident, branch.spec, this);
    resident.addCall(call);
    this.deps.gates.offer(call);
  }

  private withdraw(resident: Resident, call: GatedCall): boolean {
    if (call.running) return false;
    this.deps.gates.withdraw(call);
    resident.removeCall(call);
    return true;
  }

  /** A due call was held back because its target is down. */
  heldBack({ resident, branchId }: BranchCall, failure: CallFailure): void {
    if (resident.tx === undefined) return;
    resident.tx = withHeldBack(resident.tx, branchId, failure);
  }

  /** The gate lets a call go. */
  async carryOut(call: BranchCall): Promise<GateReply | undefined> {
    const { resident, branchId } = call;
    const done = this.running.begin();
    call.running = true;
    try {
      return await this.callOnce(resident, branchId);
    } catch (err) {
      // A fault of ours says nothing about the participant; called again at once it would be a loop.
      this.putOff(resident, branchId);
      throw err;
    } finally {
      resident.removeCall(call);
      this.goOn(resident);
      done();
    }
  }

  private async callOnce(resident: Resident, branchId: BranchId): Promise<GateReply | undefined> {
    const { payloads: cache, interceptors, caller } = this.deps;
    const payloads = cache.peek(resident.gid, branchId) ?? (await this.read(resident, branchId));
    const wanted = this.wanted(resident, branchId);
    if (payloads === undefined || wanted === undefined) return undefined;
    const { branch, phase } = wanted;
    const { term } = resident;
    const call = callOf(wanted, payloads, this.givingUp.signal);
    const end = interceptors.standAround
      ? await interceptors.attempt(call, () => caller.call(call))
      : { reply: await caller.call(call), sent: true };
    // An attempt that we gave up ourselves says nothing about the participant: it is not counted.
    const givenUp = this.givingUp.signal.aborted && end.reply.code !== grpcCode.OK;
    // What was lost meanwhile is another one's, who calls anew; and what came back since knows nothing of this call.
    if (givenUp || resident.tx === undefined || resident.term !== term) return undefined;
    const outcome = outcomeOf(branch.spec.dialect, phase, end.reply);
    this.answered(resident, { branchId, outcome });
    return end.sent ? end.reply : undefined;
  }

  /** What the branch sends; undefined where it cannot be read, which is no attempt: it is read again later. */
  private async read(resident: Resident, branchId: BranchId): Promise<BranchPayloads | undefined> {
    try {
      const payloads = await this.deps.payloads.of(resident.gid, branchId);
      if (payloads === undefined && resident.tx !== undefined) this.deps.onForeign(resident);
      return payloads;
    } catch (err) {
      this.deps.logger.warn({ gid: resident.gid, branch: branchId, err }, 'payload not read yet');
      this.putOff(resident, branchId);
      return undefined;
    }
  }

  private putOff(resident: Resident, branchId: BranchId): void {
    resident.hold(branchId);
    this.timers.after(PUT_OFF_MS, () => {
      resident.unhold(branchId);
      this.goOn(resident);
    });
  }

  private goOn(resident: Resident): void {
    if (resident.tx === undefined) this.deps.onIdle(resident);
    else this.drive(resident);
  }

  /** The branch, where it is to be called now (F4). */
  private wanted(resident: Resident, branchId: BranchId): Wanted | undefined {
    const { tx } = resident;
    if (tx === undefined || this.stopping || resident.isHeld(branchId)) return undefined;
    const phase = openPhase(tx);
    const branch = findBranch(tx, branchId);
    if (phase === undefined || branch === undefined) return undefined;
    if (dueAt(tx, branch, this.deps.clockSkewMs) === undefined) return undefined;
    return { tx, branch, phase };
  }

  private answered(resident: Resident, answer: BranchAnswer): void {
    const before = resident.tx as GlobalTransaction;
    const now = this.deps.clock.now();
    const { branchId } = answer;
    // Memory was mended during the call: the store knew the branch's end already.
    if (findBranch(before, branchId)?.status !== 'registered') return;
    const tx = withOutcome(before, answer, { now, random: this.deps.random });
    resident.tx = tx;
    const branch = findBranch(tx, branchId);
    if (branch !== undefined && branch.status !== 'registered') {
      this.deps.admission.branchDone(branch.spec.target);
    }
    resident.unsaved = true;
    reportAttempt(this.deps, { resident, tx, branchId, now });
    resident.notify();
    this.deps.progress.save(resident);
  }
}

interface Wanted {
  readonly tx: GlobalTransaction;
  readonly branch: Branch;
  readonly phase: 'confirm' | 'cancel';
}

function callOf(
  { tx, branch, phase }: Wanted,
  payloads: BranchPayloads,
  signal: AbortSignal,
): ParticipantCall {
  const { spec, attempts, notAfter } = branch;
  return {
    target: spec.target,
    method: spec.methods[phase],
    payload: payloadOf(payloads, phase),
    context: {
      gid: tx.gid,
      runId: tx.runId,
      branchId: spec.id,
      action: spec.action,
      phase,
      attempt: attempts.count + 1,
      notAfter: phase === 'cancel' ? notAfter : undefined,
      trace: tx.trace,
    },
    deadlineMs: phase === 'confirm' ? spec.deadlines.confirmMs : spec.deadlines.cancelMs,
    signal,
  };
}
