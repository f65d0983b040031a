import type { BranchStatus } from './branch';

/** Durable status of a global transaction. */
export type GlobalStatus = 'trying' | 'confirming' | 'confirmed' | 'cancelling' | 'cancelled';

/** All statuses, in the order of a transaction's life. */
export const globalStatuses = [
  'trying',
  'confirming',
  'confirmed',
  'cancelling',
  'cancelled',
] as const satisfies readonly GlobalStatus[];

/** The decision of a transaction. */
export type DecisionKind = 'confirm' | 'cancel';

/** A legal move. */
export interface Transition<S extends string> {
  readonly from: readonly S[];
  readonly to: S;
}

/**
 * Legal moves of a global transaction. decide(), the store's guards, docs/state-machine.md and the property tests
 * are derived from this table.
 */
export const globalTransitions = {
  commitRequested: { from: ['trying'], to: 'confirming' },
  rollbackRequested: { from: ['trying'], to: 'cancelling' },
  deadlinePassed: { from: ['trying'], to: 'cancelling' },
  allConfirmed: { from: ['confirming'], to: 'confirmed' },
  allCancelled: { from: ['cancelling'], to: 'cancelled' },
} as const satisfies Record<string, Transition<GlobalStatus>>;

/** Name of a move of a global transaction. */
export type GlobalMove = keyof typeof globalTransitions;

/** Legal moves of a branch. */
export const branchTransitions = {
  confirmAnswered: { from: ['registered'], to: 'confirmed' },
  cancelAnswered: { from: ['registered'], to: 'cancelled' },
} as const satisfies Record<string, Transition<BranchStatus>>;

/** What is called in phase two of a status, and where it ends; undefined = the status has no phase two. */
export const phaseTwoOf = {
  trying: undefined,
  confirming: { phase: 'confirm', branchEnd: 'confirmed', end: 'confirmed' },
  confirmed: undefined,
  cancelling: { phase: 'cancel', branchEnd: 'cancelled', end: 'cancelled' },
  cancelled: undefined,
} as const satisfies Record<
  GlobalStatus,
  { phase: DecisionKind; branchEnd: BranchStatus; end: GlobalStatus } | undefined
>;

/** Whether a move is legal from a status. */
export function isLegal(move: GlobalMove, from: GlobalStatus): boolean {
  const sources: readonly GlobalStatus[] = globalTransitions[move].from;
  return sources.includes(from);
}

/** The decision that a status stands for; undefined while undecided. */
export function decisionOf(status: GlobalStatus): DecisionKind | undefined {
  switch (status) {
    case 'trying':
      return undefined;
    case 'confirming':
    case 'confirmed':
      return 'confirm';
    case 'cancelling':
    case 'cancelled':
      return 'cancel';
  }
}

/** Whether nothing more will happen in this status. */
export function isFinished(status: GlobalStatus): boolean {
  return status === 'confirmed' || status === 'cancelled';
}
