/**
 * The decisions of the engine, as pure functions: what is there, what happened, what time it is → what to store.
 * The engine's contract: make `next` durable before anything leaves that depends on it.
 *
 * D1 An event whose effect is already there is `repeated`, never an error (rule I9).
 * D2 Only a contradiction is `rejected`, and rejecting changes nothing.
 * D3 Nothing leads from one decision to the other (I2, I3); a branch is added only while trying (I4).
 * D4 A tombstone answers as the whole transaction did, as far as it knows: run, name, decision, number of branches. What it
 *    does not know it takes for equal, so that a repeat stays a repeat.
 */
import { type Branch, type BranchSpec, type TryOutcome, noAttempts, sameContent } from './branch';
import { TercetError } from './errors';
import {
  type GlobalTransaction,
  type Opening,
  type DecisionCause,
  type Tombstone,
  findBranch,
} from './global-transaction';
import { type BranchId, type Gid, type RunId, parentOf, someOf } from './ids';
import { limits } from './limits';
import { type ResolveEvent, type ResumeEvent, operate } from './operate';
import { decidedByTimeAt, isHeld } from './restored';
import { plainText } from './text';
import { type GlobalMove, decisionOf, globalTransitions, isLegal, phaseTwoOf } from './transitions';

/** Something that happens to a transaction in phase one. */
export type TransactionEvent =
  | RegisterEvent
  | CommitEvent
  | RollbackEvent
  | { readonly kind: 'deadline' }
  /** An operator decides what came back undecided from a backup (restored.ts, R3). */
  | { readonly kind: 'order'; readonly order: ResumeEvent | ResolveEvent };

/** Branches are to be made durable; with `opening` the transaction may be created. */
export interface RegisterEvent {
  readonly kind: 'register';
  readonly runId: RunId;
  readonly opening: Opening | undefined;
  readonly branches: readonly BranchSpec[];
}

/** The initiator decides confirm and lists the branches whose Try succeeded. */
export interface CommitEvent {
  readonly kind: 'commit';
  readonly runId: RunId;
  readonly branchIds: readonly BranchId[];
  /** Value for runs that attach later; kept where this event decides. */
  readonly result?: Uint8Array | undefined;
}

/** The initiator decides cancel and tells how its Tries ended. */
export interface RollbackEvent {
  readonly kind: 'rollback';
  readonly runId: RunId;
  readonly reason: string;
  readonly tries: ReadonlyMap<BranchId, TryOutcome>;
}

/** What has to be stored for an accepted event. */
export type Change =
  | { readonly kind: 'opened' }
  | { readonly kind: 'extended'; readonly added: readonly Branch[] }
  | { readonly kind: 'decided'; readonly result: Uint8Array | undefined };

/** The answer to an event. */
export type Decision =
  | { readonly kind: 'accepted'; readonly next: GlobalTransaction; readonly change: Change }
  | { readonly kind: 'repeated'; readonly current: GlobalTransaction }
  | { readonly kind: 'rejected'; readonly error: TercetError };

/** What an event is about. */
export interface Subject {
  readonly gid: Gid;
  /** Undefined where the gid is not known to exist. */
  readonly tx: GlobalTransaction | undefined;
}

/** Decides one event at `now`, Unix milliseconds. */
export function decide(subject: Subject, event: TransactionEvent, now: number): Decision {
  const { gid, tx } = subject;
  if (event.kind === 'register') return decideRegister(subject, event, now);
  if (tx === undefined) return notFound(gid);
  switch (event.kind) {
    case 'commit':
      return decideCommit(tx, event, now);
    case 'rollback':
      return decideRollback(tx, event, now);
    case 'deadline':
      if (tx.status !== 'trying' || now < (decidedByTimeAt(tx) ?? Number.POSITIVE_INFINITY)) {
        return { kind: 'repeated', current: tx };
      }
      return decided(tx, 'deadlinePassed', { cause: { kind: 'timeout' }, now });
    case 'order':
      return decideOrder(tx, event.order, now);
  }
}

/** What is decided already takes orders too, but not as a decision. */
function decideOrder(
  tx: GlobalTransaction,
  order: ResumeEvent | ResolveEvent,
  now: number,
): Decision {
  if (tx.status !== 'trying') return { kind: 'repeated', current: tx };
  const answer = operate(tx, order, now);
  if (answer.kind !== 'accepted') return answer;
  return {
    kind: 'accepted',
    next: answer.next,
    change: { kind: 'decided', result: undefined },
  };
}

function decideRegister({ gid, tx }: Subject, event: RegisterEvent, now: number): Decision {
  if (tx === undefined) {
    if (event.opening === undefined) return notFound(gid);
    return open(opened(gid, event.runId, { opening: event.opening, now }), event, now);
  }
  const stranger = strangerError(tx, event);
  if (stranger !== undefined) return { kind: 'rejected', error: stranger };
  if (tx.tombstone !== undefined) return rejected('ALREADY_DECIDED', { gid, status: tx.status });
  const news = newBranches(tx, event.branches);
  if (news instanceof TercetError) return { kind: 'rejected', error: news };
  if (decisionOf(tx.status) !== undefined) {
    return rejected('ALREADY_DECIDED', { gid, status: tx.status });
  }
  if (news.length === 0) return { kind: 'repeated', current: tx };
  if (isHeld(tx)) {
    const message = `transaction ${gid} came back from a backup: no branch can be added, an operator decides it`;
    return rejected('PHASE_ONE_OVER', { gid, status: tx.status }, message);
  }
  if (now >= tx.deadlineAt) return rejected('PHASE_ONE_OVER', { gid, status: tx.status });
  const added = news.map((spec) => registered(spec, tx.deadlineAt, now));
  return {
    kind: 'accepted',
    next: { ...tx, branches: [...tx.branches, ...added] },
    change: { kind: 'extended', added },
  };
}

function opened(
  gid: Gid,
  runId: RunId,
  { opening, now }: { readonly opening: Opening; readonly now: number },
): GlobalTransaction {
  return {
    gid,
    runId,
    name: opening.name,
    policy: opening.policy,
    labels: opening.labels,
    trace: opening.trace,
    status: 'trying',
    openedAt: now,
    deadlineAt: now + opening.timeoutMs,
    decidedAt: undefined,
    finishedAt: undefined,
    cause: undefined,
    epoch: 1,
    branches: [],
  };
}

function open(empty: GlobalTransaction, event: RegisterEvent, now: number): Decision {
  const news = newBranches(empty, event.branches);
  if (news instanceof TercetError) return { kind: 'rejected', error: news };
  const branches = news.map((spec) => registered(spec, empty.deadlineAt, now));
  return { kind: 'accepted', next: { ...empty, branches }, change: { kind: 'opened' } };
}

function registered(spec: BranchSpec, deadlineAt: number, now: number): Branch {
  return {
    spec,
    status: 'registered',
    phaseOne: 'none',
    tryTold: false,
    notAfter: Math.min(deadlineAt, now + spec.deadlines.forwardMs),
    attempts: noAttempts,
    parked: false,
    verdict: undefined,
  };
}

/** Why this registration is not of the run that opened `tx`, or undefined when it is. */
function strangerError(tx: GlobalTransaction, event: RegisterEvent): TercetError | undefined {
  const { opening } = event;
  const details = { gid: tx.gid, status: tx.status };
  if (opening === undefined) {
    return event.runId === tx.runId ? undefined : new TercetError('WRONG_RUN', { details });
  }
  if (opening.name !== tx.name) {
    const message = `gid ${tx.gid} belongs to a transaction named ${tx.name}, not ${opening.name}`;
    return new TercetError('GID_CONFLICT', { message, details });
  }
  if (event.runId !== tx.runId) return new TercetError('ANOTHER_RUN', { details });
  if (tx.tombstone !== undefined) return undefined;
  if (samePolicy(tx, opening) && sameLabels(tx.labels, opening.labels)) return undefined;
  const message = `gid ${tx.gid} was opened by this run with another policy or other labels`;
  return new TercetError('GID_CONFLICT', { message, details });
}

function samePolicy(tx: GlobalTransaction, opening: Opening): boolean {
  return (
    tx.policy.onTimeout === opening.policy.onTimeout &&
    tx.policy.phaseTwoOrder === opening.policy.phaseTwoOrder
  );
}

function sameLabels(
  a: Readonly<Record<string, string>>,
  b: Readonly<Record<string, string>>,
): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** The branches of a request that are not registered yet, or the error that forbids them all. */
function newBranches(
  tx: GlobalTransaction,
  specs: readonly BranchSpec[],
): readonly BranchSpec[] | TercetError {
  const news = new Map<BranchId, BranchSpec>();
  for (const spec of specs) {
    const known = findBranch(tx, spec.id)?.spec ?? news.get(spec.id);
    if (known === undefined) news.set(spec.id, spec);
    else if (!sameContent(known, spec)) {
      return new TercetError('BRANCH_CONFLICT', {
        message: `branch ${spec.id} is registered with another target, other methods or another payload`,
        details: { gid: tx.gid, branch_id: spec.id },
      });
    }
  }
  if (tx.branches.length + news.size > limits.branchesMax) {
    return new TercetError('INVALID_ARGUMENT', {
      message: `a transaction has at most ${limits.branchesMax} branches, this would be number ${tx.branches.length + news.size}`,
      details: { gid: tx.gid, field: 'branches' },
    });
  }
  return orphanError(tx, news) ?? [...news.values()];
}

/** A nested branch belongs to a Try, and that one's branch is durable before it leaves (I4). */
function orphanError(
  tx: GlobalTransaction,
  news: ReadonlyMap<BranchId, BranchSpec>,
): TercetError | undefined {
  for (const id of news.keys()) {
    const parent = parentOf(id);
    if (parent === undefined || news.has(parent) || findBranch(tx, parent) !== undefined) continue;
    return new TercetError('INVALID_ARGUMENT', {
      message: `branch ${id} is nested in branch ${parent}, which is not registered`,
      details: { gid: tx.gid, branch_id: id, field: 'branches' },
    });
  }
  return undefined;
}

function decideCommit(tx: GlobalTransaction, event: CommitEvent, now: number): Decision {
  if (event.runId !== tx.runId) return rejected('WRONG_RUN', { gid: tx.gid, status: tx.status });
  if (decisionOf(tx.status) === 'cancel') return wrongStatus(tx, 'commit');
  const { tombstone } = tx;
  const mismatch =
    tombstone === undefined
      ? branchListMismatch(tx, event.branchIds)
      : branchCountMismatch(tx, tombstone, event.branchIds);
  if (mismatch !== undefined) return { kind: 'rejected', error: mismatch };
  if (tx.status !== 'trying') return { kind: 'repeated', current: tx };
  const { result } = event;
  return decided(tx, 'commitRequested', { cause: { kind: 'commit' }, result, now });
}

function branchListMismatch(
  tx: GlobalTransaction,
  listed: readonly BranchId[],
): TercetError | undefined {
  const wanted = new Set(listed);
  const missing = tx.branches.map((b) => b.spec.id).filter((id) => !wanted.has(id));
  const foreign = [...wanted].filter((id) => findBranch(tx, id) === undefined);
  if (missing.length === 0 && foreign.length === 0) return undefined;
  const parts = [
    ...(missing.length > 0 ? [`registered but not listed: ${someOf(missing)}`] : []),
    ...(foreign.length > 0 ? [`listed but not registered: ${someOf(foreign)}`] : []),
  ];
  return new TercetError('BRANCHES_MISMATCH', {
    message: `Commit must list exactly the registered branches; ${parts.join('; ')}`,
    details: { gid: tx.gid, status: tx.status },
  });
}

/** D4: all that is known of the branches is how many they were. */
function branchCountMismatch(
  tx: GlobalTransaction,
  { branches }: Tombstone,
  listed: readonly BranchId[],
): TercetError | undefined {
  const count = new Set(listed).size;
  if (count === branches) return undefined;
  return new TercetError('BRANCHES_MISMATCH', {
    message: `Commit must list exactly the registered branches; ${branches} were registered, ${count} are listed`,
    details: { gid: tx.gid, status: tx.status },
  });
}

function decideRollback(tx: GlobalTransaction, event: RollbackEvent, now: number): Decision {
  if (event.runId !== tx.runId) return rejected('WRONG_RUN', { gid: tx.gid, status: tx.status });
  if (decisionOf(tx.status) === 'confirm') return wrongStatus(tx, 'roll back');
  if (tx.status !== 'trying') return { kind: 'repeated', current: tx };
  const told = {
    ...tx,
    branches: tx.branches.map((branch) => withTry(branch, event.tries.get(branch.spec.id))),
  };
  const reason = plainText(event.reason, Number.POSITIVE_INFINITY);
  return decided(told, 'rollbackRequested', { cause: { kind: 'rollback', reason }, now });
}

/**
 * A Try that was told, even as unknown, is one that its initiator has ended: no further one is sent, and what may
 * still be under way meets the participant's own guard (barrier, or the fence of `addTcc`).
 */
function withTry(branch: Branch, outcome: TryOutcome | undefined): Branch {
  if (outcome === undefined) return branch;
  return { ...branch, phaseOne: outcome === 'not-sent' ? 'none' : outcome, tryTold: true };
}

function decided(
  tx: GlobalTransaction,
  move: GlobalMove,
  {
    cause,
    result,
    now,
  }: {
    readonly cause: DecisionCause;
    readonly result?: Uint8Array | undefined;
    readonly now: number;
  },
): Decision {
  if (!isLegal(move, tx.status)) throw new Error(`bug: ${move} from ${tx.status}`);
  const to = globalTransitions[move].to;
  // A commit proves that every Try succeeded: its initiator lists only those.
  const branches =
    cause.kind === 'commit'
      ? tx.branches.map((b): Branch => ({ ...b, phaseOne: 'done', tryTold: true }))
      : tx.branches;
  const next: GlobalTransaction = { ...tx, status: to, cause, decidedAt: now, branches };
  const change: Change = { kind: 'decided', result };
  if (branches.length > 0) return { kind: 'accepted', next, change };
  // Nothing to call: the decision is the end, one write instead of two.
  const end = phaseTwoOf[to]?.end ?? to;
  return { kind: 'accepted', next: { ...next, status: end, finishedAt: now }, change };
}

function wrongStatus(tx: GlobalTransaction, wish: string): Decision {
  const error = new TercetError('WRONG_STATUS', {
    message: `cannot ${wish}: transaction ${tx.gid} is ${tx.status}`,
    details: { gid: tx.gid, status: tx.status },
  });
  return { kind: 'rejected', error };
}

function notFound(gid: Gid): Decision {
  const message = `no transaction ${gid} is kept`;
  return {
    kind: 'rejected',
    error: new TercetError('TRANSACTION_NOT_FOUND', { message, details: { gid } }),
  };
}

function rejected(
  code: TercetError['code'],
  details: Readonly<Record<string, string>>,
  message?: string,
): Decision {
  const error = new TercetError(code, { details, ...(message !== undefined && { message }) });
  return { kind: 'rejected', error };
}
