import type { Branch } from './branch';
import type { BranchId, Gid, RunId } from './ids';
import type { TraceContext } from './trace-context';
import { type GlobalStatus, decisionOf, isFinished, phaseTwoOf } from './transitions';

/** What happens when nobody decides before the deadline. Only `cancel` is built. */
export type OnTimeout = 'cancel' | 'ask' | 'none';
/** Order of phase two. `dag` is not built. */
export type PhaseTwoOrder = 'all' | 'registration' | 'reverse' | 'dag';

/** What the initiator fixes at opening. */
export interface TransactionPolicy {
  readonly onTimeout: OnTimeout;
  readonly phaseTwoOrder: PhaseTwoOrder;
}

/** How a transaction is created. */
export interface Opening {
  readonly name: string;
  readonly timeoutMs: number;
  readonly policy: TransactionPolicy;
  /** Outside numbers for search and audit. */
  readonly labels: Readonly<Record<string, string>>;
  readonly trace: TraceContext | undefined;
}

/** Why it was decided as it was. */
export type DecisionCause =
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback'; readonly reason: string }
  | { readonly kind: 'timeout' };

/**
 * What is left of a finished transaction whose payloads and history are no longer kept: enough to answer repeats, and to
 * keep its gid from being used twice.
 */
export interface Tombstone {
  /** How many branches it had. */
  readonly branches: number;
  /** SHA-256 of the result that Commit carried, 64 lowercase hex digits; undefined = it carried none. */
  readonly resultDigest: string | undefined;
}

/** A global transaction. A value: every change makes a new one. */
export interface GlobalTransaction {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly name: string;
  readonly policy: TransactionPolicy;
  readonly labels: Readonly<Record<string, string>>;
  readonly trace: TraceContext | undefined;
  readonly status: GlobalStatus;
  /** Times in Unix milliseconds of the coordinator. */
  readonly openedAt: number;
  readonly deadlineAt: number;
  readonly decidedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly cause: DecisionCause | undefined;
  /** Fencing token of the stored row. */
  readonly epoch: number;
  /** In the order of registration. */
  readonly branches: readonly Branch[];
  /**
   * Present = only a tombstone is kept: branches, labels, trace and the reason of a rollback are gone, the policy is not the
   * one that it had. Finished, always.
   */
  readonly tombstone?: Tombstone | undefined;
}

/** A fact one may wait for; each implies the one before. */
export type Fact = 'decided' | 'executed' | 'settled';

/** All facts, weakest first. */
export const facts = ['decided', 'executed', 'settled'] as const satisfies readonly Fact[];

/**
 * The highest fact that holds. `tx` is the transaction as memory knows it: branch outcomes count as soon as they
 * arrived (executed), the status only when it is durable (decided, settled).
 */
export function factReached(tx: GlobalTransaction): Fact | undefined {
  if (decisionOf(tx.status) === undefined) return undefined;
  if (isFinished(tx.status)) return 'settled';
  return pendingBranches(tx).length === 0 ? 'executed' : 'decided';
}

/** Whether `reached` is at least `wanted`. */
export function holds(reached: Fact | undefined, wanted: Fact): boolean {
  return reached !== undefined && facts.indexOf(reached) >= facts.indexOf(wanted);
}

/** The branches whose phase two has not answered OK; all of them while nothing is decided. */
export function pendingBranches(tx: GlobalTransaction): readonly Branch[] {
  return tx.branches.filter((branch) => branch.status === 'registered');
}

/** The branch with this id, or undefined. */
export function findBranch(tx: GlobalTransaction, id: BranchId): Branch | undefined {
  return tx.branches.find((branch) => branch.spec.id === id);
}

/** The phase-two call of the present status, or undefined. */
export function openPhase(tx: GlobalTransaction): 'confirm' | 'cancel' | undefined {
  return phaseTwoOf[tx.status]?.phase;
}
