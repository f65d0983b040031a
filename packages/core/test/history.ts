/**
 * Plays a list of steps against core the way an engine does, and checks rules I1, I2, I3, I7, I9 and core's
 * D1–D3, P1, P2 after every one. A broken rule throws an error that names it.
 */
import {
  type Branch,
  type BranchId,
  type Decision,
  type Gid,
  type GlobalTransaction,
  type Outcome,
  type RunId,
  type TransactionEvent,
  completed,
  decide,
  dueAt,
  factReached,
  isFinished,
  openPhase,
  pendingBranches,
  withOutcome,
} from '../src';
import { SeededRandom } from '../src/testing';
import { deepFreeze } from './deep-freeze';
import { SKEW_MS, checkBranch, checkState, checkSuccession, mustOutwaitTry, must } from './rules';
import { type Step, listOf, openingOf, specOf } from './steps';

const GID = 'order-1' as Gid;
const RUNS = ['a'.repeat(32), 'b'.repeat(32)] as const;
/** Longest delay that any retry may ask for: 24 h. */
const LONGEST_DELAY_MS = 86_400_000;

/** One transaction and what has happened to it. */
export class History {
  tx: GlobalTransaction | undefined;
  /** How often each thing was seen, so that a test can tell that it saw something at all. */
  readonly seen = new Map<string, number>();

  private now = 1_700_000_000_000;
  private readonly random: SeededRandom;
  private readonly accepted: TransactionEvent[] = [];
  private readonly phasesDue = new Set<string>();

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Plays one step and checks the rules. */
  play(step: Step): void {
    const before = this.tx;
    this.perform(step);
    this.check(before);
  }

  /** Heals everything: the deadline passes, every due call is answered OK. The transaction has to end. */
  settle(): void {
    if (this.tx?.status === 'trying') {
      this.now = Math.max(this.now, this.tx.deadlineAt);
      this.play({ kind: 'deadline' });
      must(this.tx.status !== 'trying', 'I7: an undecided transaction is decided by its deadline');
    }
    for (
      let round = 0;
      round < 2 && this.tx !== undefined && !isFinished(this.tx.status);
      round++
    ) {
      this.play({ kind: 'answer-all-done' });
      this.play({ kind: 'complete' });
    }
    if (this.tx === undefined) return;
    must(isFinished(this.tx.status), 'I7: what is called until it answers OK comes to an end');
    must(pendingBranches(this.tx).length === 0, 'I7: nothing ends while a branch is unfinished');
  }

  private perform(step: Step): void {
    switch (step.kind) {
      case 'clock':
        this.now += step.ms;
        return;
      case 'replay':
        return this.replay(step.pick);
      case 'answer': {
        const branches = this.tx?.branches ?? [];
        const branch = branches[step.pick % (branches.length + 1)];
        return this.answer(branch?.spec.id ?? ('99' as BranchId), step.outcome);
      }
      case 'answer-all-done':
        return this.answerAllDone();
      case 'complete':
        return this.complete();
      default:
        this.decide(this.eventOf(step));
    }
  }

  private eventOf(step: Extract<Step, { kind: 'register' | 'commit' | 'rollback' | 'deadline' }>) {
    const runId = (step.kind === 'deadline' ? RUNS[0] : RUNS[step.run]) as RunId;
    const ids = this.tx?.branches.map((branch) => branch.spec.id) ?? [];
    switch (step.kind) {
      case 'register': {
        const branches = step.branches.map(specOf);
        return { kind: 'register', runId, opening: openingOf(step.opening), branches } as const;
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
    if (before === undefined) return;
    const branch = before.branches.find((one) => one.spec.id === id);
    const next = withOutcome(
      before,
      { branchId: id, outcome },
      { now: this.now, random: this.random },
    );
    this.tx = deepFreeze(next);
    const after = next.branches.find((one) => one.spec.id === id);
    if (branch?.status !== 'registered' || openPhase(before) === undefined) {
      must(after === branch, 'I9: an answer that nobody waits for changes nothing');
      return this.count(branch === undefined ? 'answer for no branch' : 'answer out of turn');
    }
    must(after?.attempts.count === branch.attempts.count + 1, 'every answer counts as an attempt');
    this.count(`answer ${outcome.kind}`);
    if (outcome.kind === 'done') return;
    must(after.status === 'registered', 'P2: only OK finishes a branch');
    const later = (dueAt(next, after, SKEW_MS) ?? Number.NaN) - this.now;
    must(later >= 0 && later <= LONGEST_DELAY_MS, 'P2: any other answer makes it due later');
  }

  private answerAllDone(): void {
    const due = (this.tx?.branches ?? []).flatMap((branch) => this.dueOf(branch) ?? []);
    this.now = Math.max(this.now, ...due);
    for (const branch of this.tx?.branches ?? []) this.answer(branch.spec.id, { kind: 'done' });
  }

  private complete(): void {
    if (this.tx === undefined) return;
    const next = completed(this.tx, this.now);
    must((next !== undefined) === (factReached(this.tx) === 'executed'), 'executed, then settled');
    if (next !== undefined) this.tx = deepFreeze(next);
  }

  private dueOf(branch: Branch): number | undefined {
    return this.tx === undefined ? undefined : dueAt(this.tx, branch, SKEW_MS);
  }

  private check(before: GlobalTransaction | undefined): void {
    const after = this.tx;
    if (after === undefined) return must(before === undefined, 'I7: nothing is removed');
    if (before !== undefined) checkSuccession(before, after);
    checkState(after);
    for (const branch of after.branches) {
      checkBranch(after, branch, this.now);
      const phase = this.dueOf(branch) === undefined ? undefined : openPhase(after);
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
