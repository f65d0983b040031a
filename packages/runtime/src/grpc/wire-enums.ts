/**
 * The enums of the contracts ↔ core's words, both ways, for both ends of the wire. What 0 means in a request and what
 * an unknown number is answered with is each end's own business; here neither is ever turned into a default.
 */
import {
  BranchDriver,
  BranchMode,
  BranchStatus,
  DecisionCause,
  Dialect,
  Fact,
  OnTimeout,
  Phase,
  PhaseOneStatus,
  PhaseTwoOrder,
  StuckReason,
  TransactionStatus,
} from '@tercet/proto';
import type * as core from '@tercet/core';

/** A two-way table between an enum of the contracts and core's words. */
export interface WireEnum<Wire extends number, Word extends string> {
  /** As in the contracts, for error texts. */
  readonly name: string;
  readonly words: readonly Word[];
  /** The values' names in the contracts, in the order of `words`: what a client of any language sends. */
  readonly wireNames: readonly string[];
  toWire(word: Word): Wire;
  /** Undefined for 0 and for a number that this version does not know. */
  wordOf(wire: number): Word | undefined;
}

function wireEnum<Wire extends number, Word extends string>(
  name: string,
  contract: Readonly<Record<number, string>>,
  wires: Readonly<Record<Word, Wire>>,
): WireEnum<Wire, Word> {
  const words = Object.keys(wires) as Word[];
  const byWire = new Map<number, Word>(words.map((word) => [wires[word], word]));
  return {
    name,
    words,
    wireNames: words.map((word) => contract[wires[word]] ?? String(wires[word])),
    toWire: (word) => wires[word],
    wordOf: (wire) => byWire.get(wire),
  };
}

/** Status of a transaction. */
export const transactionStatus = wireEnum<TransactionStatus, core.GlobalStatus>(
  'TransactionStatus',
  TransactionStatus,
  {
    trying: TransactionStatus.TRANSACTION_STATUS_TRYING,
    confirming: TransactionStatus.TRANSACTION_STATUS_CONFIRMING,
    confirmed: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
    cancelling: TransactionStatus.TRANSACTION_STATUS_CANCELLING,
    cancelled: TransactionStatus.TRANSACTION_STATUS_CANCELLED,
  },
);

/** Facts to wait for. */
export const fact = wireEnum<Fact, core.Fact>('Fact', Fact, {
  decided: Fact.FACT_DECIDED,
  executed: Fact.FACT_EXECUTED,
  settled: Fact.FACT_SETTLED,
});

/** Status of a branch. */
export const branchStatus = wireEnum<BranchStatus, core.BranchStatus>(
  'BranchStatus',
  BranchStatus,
  {
    registered: BranchStatus.BRANCH_STATUS_REGISTERED,
    confirmed: BranchStatus.BRANCH_STATUS_CONFIRMED,
    cancelled: BranchStatus.BRANCH_STATUS_CANCELLED,
  },
);

/** How an operator may assert that a branch ended: the same wire enum, without `registered`. */
export const assertedStatus = wireEnum<BranchStatus, core.Verdict['asserted']>(
  'BranchStatus',
  BranchStatus,
  {
    confirmed: BranchStatus.BRANCH_STATUS_CONFIRMED,
    cancelled: BranchStatus.BRANCH_STATUS_CANCELLED,
  },
);

/** Mode of a branch. */
export const branchMode = wireEnum<BranchMode, core.BranchMode>('BranchMode', BranchMode, {
  tcc: BranchMode.BRANCH_MODE_TCC,
  saga: BranchMode.BRANCH_MODE_SAGA,
  message: BranchMode.BRANCH_MODE_MESSAGE,
  xa: BranchMode.BRANCH_MODE_XA,
});

/** Driver of a branch's phase one. */
export const branchDriver = wireEnum<BranchDriver, core.BranchDriver>(
  'BranchDriver',
  BranchDriver,
  {
    initiator: BranchDriver.BRANCH_DRIVER_INITIATOR,
    coordinator: BranchDriver.BRANCH_DRIVER_COORDINATOR,
    participant: BranchDriver.BRANCH_DRIVER_PARTICIPANT,
  },
);

/** Outcome table. */
export const dialect = wireEnum<Dialect, core.Dialect>('Dialect', Dialect, {
  tercet: Dialect.DIALECT_TERCET,
  dtm: Dialect.DIALECT_DTM,
});

/** What is known of phase one. */
export const phaseOneStatus = wireEnum<PhaseOneStatus, core.PhaseOneStatus>(
  'PhaseOneStatus',
  PhaseOneStatus,
  {
    none: PhaseOneStatus.PHASE_ONE_STATUS_NONE,
    started: PhaseOneStatus.PHASE_ONE_STATUS_STARTED,
    done: PhaseOneStatus.PHASE_ONE_STATUS_DONE,
    refused: PhaseOneStatus.PHASE_ONE_STATUS_REFUSED,
    unknown: PhaseOneStatus.PHASE_ONE_STATUS_UNKNOWN,
  },
);

/** What an initiator tells of a Try: the same wire enum, without `started`. */
export const tryOutcome = wireEnum<PhaseOneStatus, core.TryOutcome>(
  'PhaseOneStatus',
  PhaseOneStatus,
  {
    'not-sent': PhaseOneStatus.PHASE_ONE_STATUS_NONE,
    done: PhaseOneStatus.PHASE_ONE_STATUS_DONE,
    refused: PhaseOneStatus.PHASE_ONE_STATUS_REFUSED,
    unknown: PhaseOneStatus.PHASE_ONE_STATUS_UNKNOWN,
  },
);

/** What happens at the deadline. */
export const onTimeout = wireEnum<OnTimeout, core.OnTimeout>('OnTimeout', OnTimeout, {
  cancel: OnTimeout.ON_TIMEOUT_CANCEL,
  ask: OnTimeout.ON_TIMEOUT_ASK,
  none: OnTimeout.ON_TIMEOUT_NONE,
});

/** Order of phase two. */
export const phaseTwoOrder = wireEnum<PhaseTwoOrder, core.PhaseTwoOrder>(
  'PhaseTwoOrder',
  PhaseTwoOrder,
  {
    all: PhaseTwoOrder.PHASE_TWO_ORDER_ALL,
    registration: PhaseTwoOrder.PHASE_TWO_ORDER_REGISTRATION,
    reverse: PhaseTwoOrder.PHASE_TWO_ORDER_REVERSE,
    dag: PhaseTwoOrder.PHASE_TWO_ORDER_DAG,
  },
);

/** Why a branch is stuck. */
export const stuckReason = wireEnum<StuckReason, core.StuckReason>('StuckReason', StuckReason, {
  retrying: StuckReason.STUCK_REASON_RETRYING,
  unreachable: StuckReason.STUCK_REASON_UNREACHABLE,
  deadline: StuckReason.STUCK_REASON_DEADLINE,
  rejected: StuckReason.STUCK_REASON_REJECTED,
  unimplemented: StuckReason.STUCK_REASON_UNIMPLEMENTED,
  auth: StuckReason.STUCK_REASON_AUTH,
  barrier: StuckReason.STUCK_REASON_BARRIER,
  parked: StuckReason.STUCK_REASON_PARKED,
  restored: StuckReason.STUCK_REASON_RESTORED,
});

/** Why a transaction was decided as it was. */
export const decisionCause = wireEnum<DecisionCause, core.DecisionCause['kind']>(
  'DecisionCause',
  DecisionCause,
  {
    commit: DecisionCause.DECISION_CAUSE_COMMIT,
    rollback: DecisionCause.DECISION_CAUSE_ROLLBACK,
    timeout: DecisionCause.DECISION_CAUSE_TIMEOUT,
  },
);

/** Which of a branch's calls it is. */
export const phase = wireEnum<Phase, core.Phase>('Phase', Phase, {
  try: Phase.PHASE_TRY,
  confirm: Phase.PHASE_CONFIRM,
  cancel: Phase.PHASE_CANCEL,
});
