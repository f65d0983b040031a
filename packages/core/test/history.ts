/**
 * Plays a list of steps against core the way an engine does, and checks rules I1–I4, I7, I9 and core's D1–D3, P1–P5
 * and O1–O4 after every one. A broken rule throws an error that names it.
 */
import {
  type BranchId,
  type CallFailure,
  type Decision,
  type Gid,
  type GlobalTransaction,
  type Outcome,
  type PhaseTwoOrder,
  type RunId,
  type TransactionEvent,
  completed,
  decide,
  decisionOf,
  factReached,
  isFinished,
  isHeld,
  openPhase,
  operate,
  pendingBranches,
  restored,
  withHeldBack,
  withOutcome,
} from '../src';
import { SeededRandom } from '../src/testing';
import { deepFreeze } from './deep-freeze';
import { must } from './must';
import { checkOrder } from './order-rules';
import {
  checkAnswer,
  checkBranch,
  checkDue,
  checkHeldBack,
  dueOf,
  hasItsTurn,
  mustOutwaitTry,
} from './phase-two-rules';
import { checkRestored } from './restored-rules';
import { checkState, checkSuccession } from './rules';
import { type Step, type Wish, listOf, openingOf, orderOf, specOf } from './steps';

const GID = 'order-1' as Gid;
const RUNS = ['a'.repeat(32), 'b'.repeat(32)] as const;
/** One transaction and what has happened to it. */
export class History {
  tx: GlobalTransaction | undefined;
  /** How often each thing was seen, so that a test can tell that it saw something at all. */
  readonly seen = new Map<string, number>();

  private now = 1_700_000_000_000;
  private readonly random: SeededRandom;
  private readonly accepted: TransactionEvent[] = [];
  private readonly phasesDue = new Set<string>();

  constructor(
    seed: number,
    private readonly order: PhaseTwoOrder,
  ) {
    this.random = new SeededRandom(seed);
  }

  /** Plays one step and checks the rules. */
  play(step: Step): void {
    const before = this.tx;
    this.perform(step);
    this.check(before, step);
  }

  /** Heals everything: the deadline passes, operators act, every due call is answered OK. The transaction has to end. */
  settle(): void {
    if (this.tx?.status === 'trying') {
      this.now = Math.max(this.now, this.tx.deadlineAt);
      this.play({ kind: 'deadline' });
      if (isHeld(this.tx)) this.endHold();
      must(this.tx.status !== 'trying', 'I7: an undecided transaction is decided by its deadline');
    }
    // In an ordered phase two each round may end one branch only.
    for (let left = (this.tx?.branches.length ?? 0) + 1; left > 0 && this.isOpen(); left--) {
      this.freeParked();
      this.play({ kind: 'answer-all-done' });
      this.play({ kind: 'complete' });
    }
    if (this.tx === undefined) return;
    must(isFinished(this.tx.status), 'I7: what is called until it answers OK comes to an end');
    must(pendingBranches(this.tx).length === 0, 'I7: nothing ends while a branch is unfinished');
  }

  /** R2, R3: time has not decided it, an operator does. */
  private endHold(): void {
    const wish = this.random.unit() < 0.5 ? 'resume-all' : 'resolve';
    this.play({ kind: 'operate', wish, pick: 0 });
    this.count(`${wish} ends a hold`);
  }

  private isOpen(): boolean {
    return this.tx !== undefined && !isFinished(this.tx.status);
  }

  /** What an operator does about parked branches: one is called again, the other one is vouched for. */
  private freeParked(): void {
    for (const [pick, { parked }] of (this.tx?.branches ?? []).entries()) {
      if (!parked) continue;
      const wish = this.random.unit() < 0.5 ? 'resume' : 'resolve';
      this.play({ kind: 'operate', wish, pick });
      must(this.tx?.branches[pick]?.parked === false, 'I7: what is parked can be moved');
      this.count(`${wish} in the end`);
    }
  }

  private perform(step: Step): void {
    switch (step.kind) {
      case 'clock':
        this.now += step.ms;
        return;
      case 'replay':
        return this.replay(step.pick);
      case 'answer':
        return this.answer(this.picked(step.pick), step.outcome);
      case 'hold-back':
        return this.holdBack(this.picked(step.pick), step.failure);
      case 'operate':
        return this.operate(step.wish, this.picked(step.pick));
      case 'answer-all-done':
        return this.answerAllDone();
      case 'complete':
        return this.complete();
      case 'restore':
        return this.restore();
      default:
        this.decide(this.eventOf(step));
    }
  }

  /** The id of one of the branches, of the `pick`-th where there are more; now and then one that does not exist. */
  private picked(pick: number): BranchId {
    const ids = (this.tx?.branches ?? []).map(({ spec }) => spec.id);
    const foreign = '99' as BranchId;
    return [...ids, ...ids, ...ids, foreign][pick % (3 * ids.length + 1)] ?? foreign;
  }

  private eventOf(step: Extract<Step, { kind: 'register' | 'commit' | 'rollback' | 'deadline' }>) {
    const runId = (step.kind === 'deadline' ? RUNS[0] : RUNS[step.run]) as RunId;
    const ids = this.tx?.branches.map((branch) => branch.spec.id) ?? [];
    switch (step.kind) {
      case 'register': {
        const branches = step.branches.map(specOf);
        return {
          kind: 'register',
          runId,
          opening: openingOf(step.opening, this.order),
          branches,
        } as const;
      }
      case 'commit':
        return { kind: 'commit', runId, branchIds: listOf(step.list, ids) } as const;
      case 'rollback': {
        const told = ids.flatMap((id, i) => {
          const outcome = step.tries[i];
          return outcome === undefined ? [] : [[id, outcome] as const];
        });
        return { kind: 'rollback', runId, reason: 'a Try failed', tries: new Map(told) } as const;
      }
      case 'deadline':
        return { kind: 'deadline' } as const;
    }
  }

  private decide(event: TransactionEvent): Decision {
    const before = this.tx;
    deepFreeze(event);
    const answer = decide({ gid: GID, tx: before }, event, this.now);
    this.count(answer.kind === 'rejected' ? answer.error.code : `${event.kind} ${answer.kind}`);
    if (before !== undefined && isHeld(before)) this.count(`held: ${event.kind} ${answer.kind}`);
    if (answer.kind === 'repeated') must(answer.current === before, 'D1: a repeat changes nothing');
    if (answer.kind === 'accepted') this.accept(answer, event);
    const again = decide({ gid: GID, tx: this.tx }, event, this.now);
    if (answer.kind === 'rejected') {
      must(again.kind === 'rejected', 'I9: the same event again is rejected again');
      must(sameError(answer.error, again.error), 'I9: with the same error');
    } else {
      must(again.kind === 'repeated', `I9: ${event.kind} again is repeated, not ${again.kind}`);
      must(again.current === this.tx, 'I9: and answered with the present truth');
    }
    return answer;
  }

  private accept(answer: Extract<Decision, { kind: 'accepted' }>, event: TransactionEvent): void {
    const before = this.tx;
    const { next, change } = answer;
    this.accepted.push(event);
    this.tx = deepFreeze(next);
    switch (change.kind) {
      case 'opened':
        return must(before === undefined && next.status === 'trying', 'D3: opened only once');
      case 'extended': {
        const known = before?.branches.length ?? 0;
        must(before?.status === 'trying' && next.status === 'trying', 'D3: extended while trying');
        must(change.added.length > 0, 'D1: an extension adds something');
        return must(
          next.branches.slice(known).every((branch, i) => branch === change.added[i]) &&
            next.branches.length === known + change.added.length,
          'I4: `added` is exactly what is new',
        );
      }
      case 'decided':
        must(before?.status === 'trying', 'I3: only a trying transaction is decided');
        must(
          next.decidedAt === this.now && next.cause !== undefined,
          'I3: time and cause are kept',
        );
        return this.count(`decided by ${next.cause.kind}`);
    }
  }

  /** An event that was accepted once, much later: the promise of I9 for clients that lost the answer. */
  private replay(pick: number): void {
    const event = this.accepted[pick % Math.max(1, this.accepted.length)];
    if (event === undefined || this.tx === undefined) return;
    const answer = this.decide(event);
    if (event.kind === 'register' && this.tx.status !== 'trying') {
      must(
        answer.kind === 'rejected' && answer.error.code === 'ALREADY_DECIDED',
        'a registration after the decision is answered with the decision',
      );
      must(answer.error.details['status'] === this.tx.status, 'and names the status');
    } else
      must(answer.kind === 'repeated', `I9: an accepted ${event.kind} may be repeated for ever`);
    this.count(`replayed ${event.kind}`);
  }

  private answer(id: BranchId, outcome: Outcome): void {
    const before = this.tx;
    const branch = before?.branches.find((one) => one.spec.id === id);
    if (before === undefined) return;
    const open = branch?.status === 'registered' && openPhase(before) !== undefined;
    // A branch that waits for another one is never called, so nothing can come back.
    if (open && !hasItsTurn(before, branch)) return this.count('has to wait');
    const context = { now: this.now, random: this.random };
    const next = deepFreeze(withOutcome(before, { branchId: id, outcome }, context));
    this.tx = next;
    const after = next.branches.find((one) => one.spec.id === id);
    if (branch === undefined || !open) {
      must(after === branch, 'I9: an answer that nobody waits for changes nothing');
      return this.count(branch === undefined ? 'answer for no branch' : 'answer out of turn');
    }
    must(after !== undefined, 'I7: a branch that answered is still there');
    this.count(`answer ${outcome.kind}`);
    checkAnswer([branch, after], outcome, { next, now: this.now });
    if (after.parked && !branch.parked) this.count(`parked by ${outcome.kind}`);
    if (branch.parked) this.count('answer while parked');
  }

  private answerAllDone(): void {
    const due = this.tx?.branches.flatMap((one) => this.due(one.spec.id) ?? []) ?? [];
    this.now = Math.max(this.now, ...due);
    for (const { spec } of this.tx?.branches ?? []) {
      if (this.due(spec.id) !== undefined) this.answer(spec.id, { kind: 'done' });
    }
  }

  private due(id: BranchId): number | undefined {
    const branch = this.tx?.branches.find((one) => one.spec.id === id);
    return this.tx && branch && dueOf(this.tx, branch);
  }

  /** A gate tells of every call that waits in it: only those that are due, or were when they came. */
  private holdBack(id: BranchId, failure: CallFailure): void {
    const before = this.tx;
    const branch = before?.branches.find((one) => one.spec.id === id);
    if (before === undefined || branch === undefined || !hasItsTurn(before, branch)) return;
    this.tx = deepFreeze(withHeldBack(before, id, failure));
    if (checkHeldBack(before, this.tx, branch)) this.count('held back');
  }

  private operate(wish: Wish, id: BranchId): void {
    const { tx, now } = this;
    if (tx === undefined) return;
    const end = decisionOf(tx.status) === 'confirm' ? 'confirmed' : 'cancelled';
    const event = deepFreeze(orderOf(wish, id, end));
    const answer = operate(tx, event, now);
    const what = answer.kind === 'rejected' ? answer.error.code : answer.kind;
    this.count(`${event.kind}${isHeld(tx) ? ' of a held one' : ''} ${what}`);
    checkOrder({ tx, event, now }, answer);
    if (answer.kind !== 'accepted') return;
    if (tx.status !== 'trying' || event.kind === 'retry') this.tx = deepFreeze(answer.next);
    else this.decide({ kind: 'order', order: event });
    must(JSON.stringify(this.tx) === JSON.stringify(answer.next), 'R3: decided as ordered');
  }

  private restore(): void {
    if (this.tx === undefined) return;
    const before = this.tx;
    this.tx = deepFreeze(restored(before));
    checkRestored(before, this.tx);
    this.count(this.tx === before ? 'restored as it was' : `restored ${before.status}`);
  }

  private complete(): void {
    if (this.tx === undefined) return;
    const next = completed(this.tx, this.now);
    must((next !== undefined) === (factReached(this.tx) === 'executed'), 'executed, then settled');
    if (next !== undefined) this.tx = deepFreeze(next);
  }

  private check(before: GlobalTransaction | undefined, step: Step): void {
    const after = this.tx;
    if (after === undefined) return must(before === undefined, 'I7: nothing is removed');
    if (before !== undefined) checkSuccession(before, after);
    for (const [i, branch] of after.branches.entries()) {
      const freed = before?.branches[i]?.parked === true && !branch.parked;
      const byOperator = step.kind === 'operate' || branch.status !== 'registered';
      must(!freed || byOperator, 'P4: only an operator, or an OK, ends being parked');
    }
    checkState(after);
    checkDue(after);
    for (const branch of after.branches) {
      checkBranch(after, branch, this.now);
      const phase = dueOf(after, branch) === undefined ? undefined : openPhase(after);
      if (phase === undefined) continue;
      this.phasesDue.add(phase);
      must(this.phasesDue.size === 1, 'I1: never both Confirm and Cancel');
      const waits = mustOutwaitTry(after, branch);
      if (branch.attempts.count === 0) this.count(`first ${phase}${waits ? ' waits' : ''}`);
    }
  }

  private count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

function sameError(
  a: { code: string; message: string },
  b: { code: string; message: string },
): boolean {
  return a.code === b.code && a.message === b.message;
}
