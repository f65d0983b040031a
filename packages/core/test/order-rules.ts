/** What an operator's order may and may not do (O1–O4, I9). */
import {
  type Branch,
  type BranchId,
  type GlobalTransaction,
  type OperatorDecision,
  type OperatorEvent,
  decisionOf,
  findBranch,
  operate,
} from '../src';
import { must } from './must';
import { dueOf, hasItsTurn, mustOutwaitTry } from './phase-two-rules';

/** An order, the transaction that it came to, and when. */
export interface Order {
  readonly tx: GlobalTransaction;
  readonly event: OperatorEvent;
  readonly now: number;
}

/** Checks the answer to an order. */
export function checkOrder(order: Order, answer: OperatorDecision): void {
  const { tx, event } = order;
  must(
    (answer.kind === 'rejected') === (refusalOf(tx, event) !== undefined),
    `O1: ${event.kind} is refused exactly where it cannot be`,
  );
  switch (answer.kind) {
    case 'rejected':
      must(answer.error.code === refusalOf(tx, event), `${answer.error.code} is the wrong code`);
      return checkRepeat(order, tx, answer);
    case 'repeated':
      must(answer.current === tx, 'O4: a repeat changes nothing');
      return checkRepeat(order, tx, answer);
    case 'accepted':
      checkAccepted(order, answer);
      return checkRepeat(order, answer.next, answer);
  }
}

/** The code with which an order has to be refused. */
function refusalOf(tx: GlobalTransaction, event: OperatorEvent): string | undefined {
  const decision = decisionOf(tx.status);
  const held = tx.branches.some(({ parked }) => parked) && event.kind !== 'retry';
  if (decision === undefined && !held) return 'WRONG_STATUS';
  const ids = event.kind === 'resolve' ? [event.branchId] : event.branchIds;
  if (ids.some((id) => findBranch(tx, id) === undefined)) return 'BRANCH_NOT_FOUND';
  if (event.kind === 'resolve') {
    if (decision === undefined) return undefined;
    return event.asserted.startsWith(decision) ? undefined : 'NOT_BUILT_YET';
  }
  if (event.kind === 'resume') return undefined;
  const wanted = tx.branches.filter(({ spec, status }) => {
    return status === 'registered' && (ids.length === 0 || ids.includes(spec.id));
  });
  const parked = wanted.filter((branch) => branch.parked);
  const all = parked.length > 0 && parked.length === wanted.length;
  return all || (ids.length > 0 && parked.length > 0) ? 'BRANCH_PARKED' : undefined;
}

function checkAccepted(
  { tx, event, now }: Order,
  { next, changed }: Extract<OperatorDecision, { kind: 'accepted' }>,
): void {
  must(changed.length > 0, 'O4: what changes nothing is a repeat');
  if (tx.status === 'trying') return checkHoldEnded({ tx, event, now }, { next, changed });
  must(next.status === tx.status, 'O1: an order decides and ends nothing by itself');
  tx.branches.forEach((branch, i) => {
    const later = next.branches[i];
    const touched: readonly BranchId[] = changed;
    must((later !== branch) === touched.includes(branch.spec.id), '`changed` is what it changed');
    if (later === undefined || later === branch) return;
    must(branch.status === 'registered', 'P2: an ended branch never changes');
    if (event.kind === 'resolve') return checkResolved(later, now);
    must(!later.parked && later.verdict === undefined, 'P4: it may be called again');
    must(branch.parked === (event.kind === 'resume'), 'P4: only resume frees what is parked');
    if (hasItsTurn(next, later)) checkDueNow(next, later, now);
  });
}

/** R3: it is decided, in the direction that the operator named, and only the named branches move. */
function checkHoldEnded(
  { tx, event, now }: Order,
  { next, changed }: { readonly next: GlobalTransaction; readonly changed: readonly BranchId[] },
): void {
  const confirms = event.kind === 'resolve' && event.asserted === 'confirmed';
  must(decisionOf(next.status) === (confirms ? 'confirm' : 'cancel'), 'R3: decided as ordered');
  must(next.decidedAt === now && next.deadlineAt === tx.deadlineAt, 'R3: decided now');
  for (const branch of next.branches) {
    if (!changed.includes(branch.spec.id)) must(branch.parked, 'R3: all others stay parked');
    else if (event.kind === 'resolve') checkResolved(branch, now);
    else must(!branch.parked, 'R3: it may be called');
  }
}

function checkResolved({ status, verdict, parked }: Branch, now: number): void {
  must(verdict?.at === now && verdict.asserted === status && !parked, 'O2: recorded, and ended');
}

function checkDueNow(tx: GlobalTransaction, branch: Branch, now: number): void {
  const due = dueOf(tx, branch) ?? Number.NaN;
  const first = branch.attempts.count === 0;
  must(first ? due >= now : due === now, 'P4: an operator makes it due now');
  must(!first || mustOutwaitTry(tx, branch) || due === openOrNow(tx, now, due), 'P5: or waits');
}

/** A clock that was moved back may lie before the moment since which the branch is open. */
function openOrNow(tx: GlobalTransaction, now: number, due: number): number {
  return (tx.decidedAt ?? 0) > now || tx.policy.phaseTwoOrder !== 'all' ? due : now;
}

/** I9: the same order again. */
function checkRepeat({ event, now }: Order, tx: GlobalTransaction, first: OperatorDecision): void {
  const again = operate(tx, event, now);
  if (first.kind === 'rejected') {
    must(again.kind === 'rejected', 'I9: the same order again is refused again');
    must(again.error.code === first.error.code, 'I9: with the same code');
    return must(again.error.message === first.error.message, 'I9: and the same words');
  }
  must(again.kind !== 'rejected', `I9: ${event.kind} again is no error`);
  if (again.kind === 'repeated') return must(again.current === tx, 'I9: it tells what is true');
  must(event.kind === 'retry', `O4: ${event.kind} again finds its effect there`);
  must(JSON.stringify(again.next) === JSON.stringify(tx), 'O4: and does the same');
}
