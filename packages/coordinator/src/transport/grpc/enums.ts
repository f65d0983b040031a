/** Wire enums ↔ core's words. An unknown number is refused, never defaulted. */
import {
  BranchDriver,
  BranchMode,
  BranchStatus,
  DecisionCause,
  Dialect,
  Fact,
  OnTimeout,
  PhaseOneStatus,
  PhaseTwoOrder,
  StuckReason,
  TransactionStatus,
} from '@tercet/proto';
import type * as core from '@tercet/core';
import { TercetError } from '@tercet/core';

/** A two-way table between a wire enum and core's words. */
export interface EnumTable<Wire extends number, Word extends string> {
  readonly toWord: (field: string, wire: Wire) => Word;
  readonly toWire: (word: Word) => Wire;
}

/**
 * Builds a table from `word: wire` pairs. `whenUnspecified` is what 0 means in a request; without it 0 is refused.
 */
function enumTable<Wire extends number, Word extends string>(
  wires: Readonly<Record<Word, Wire>>,
  whenUnspecified?: Word,
): EnumTable<Wire, Word> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(wires) as Word[]) words.set(wires[word], word);
  if (whenUnspecified !== undefined) words.set(0, whenUnspecified);
  return {
    toWord(field, wire) {
      const word = words.get(wire);
      if (word !== undefined) return word;
      const what = wire === 0 ? 'it must be set' : `unknown value ${wire}`;
      const message = `${field}: ${what}; one of ${Object.keys(wires).join(', ')}`;
      throw new TercetError('INVALID_ARGUMENT', { message, details: { field } });
    },
    toWire: (word) => wires[word],
  };
}

/** Status of a transaction. */
export const transactionStatus = enumTable<TransactionStatus, core.GlobalStatus>({
  trying: TransactionStatus.TRANSACTION_STATUS_TRYING,
  confirming: TransactionStatus.TRANSACTION_STATUS_CONFIRMING,
  confirmed: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
  cancelling: TransactionStatus.TRANSACTION_STATUS_CANCELLING,
  cancelled: TransactionStatus.TRANSACTION_STATUS_CANCELLED,
});

/** Facts to wait for. */
export const fact = enumTable<Fact, core.Fact>({
  decided: Fact.FACT_DECIDED,
  executed: Fact.FACT_EXECUTED,
  settled: Fact.FACT_SETTLED,
});

/** Status of a branch. */
export const branchStatus = enumTable<BranchStatus, core.BranchStatus>({
  registered: BranchStatus.BRANCH_STATUS_REGISTERED,
  confirmed: BranchStatus.BRANCH_STATUS_CONFIRMED,
  cancelled: BranchStatus.BRANCH_STATUS_CANCELLED,
});

/** Mode of a branch; unspecified = TCC. */
export const branchMode = enumTable<BranchMode, core.BranchMode>(
  {
    tcc: BranchMode.BRANCH_MODE_TCC,
    saga: BranchMode.BRANCH_MODE_SAGA,
    message: BranchMode.BRANCH_MODE_MESSAGE,
    xa: BranchMode.BRANCH_MODE_XA,
  },
  'tcc',
);

/** Driver of a branch's phase one; unspecified = the initiator. */
export const branchDriver = enumTable<BranchDriver, core.BranchDriver>(
  {
    initiator: BranchDriver.BRANCH_DRIVER_INITIATOR,
    coordinator: BranchDriver.BRANCH_DRIVER_COORDINATOR,
    participant: BranchDriver.BRANCH_DRIVER_PARTICIPANT,
  },
  'initiator',
);

/** Outcome table; unspecified = tercet. */
export const dialect = enumTable<Dialect, core.Dialect>(
  { tercet: Dialect.DIALECT_TERCET, dtm: Dialect.DIALECT_DTM },
  'tercet',
);

/** What is known of phase one. */
export const phaseOneStatus = enumTable<PhaseOneStatus, core.PhaseOneStatus>({
  none: PhaseOneStatus.PHASE_ONE_STATUS_NONE,
  started: PhaseOneStatus.PHASE_ONE_STATUS_STARTED,
  done: PhaseOneStatus.PHASE_ONE_STATUS_DONE,
  refused: PhaseOneStatus.PHASE_ONE_STATUS_REFUSED,
  unknown: PhaseOneStatus.PHASE_ONE_STATUS_UNKNOWN,
});

/** What an initiator tells of a Try: the same wire enum, without `started`. */
export const tryOutcome = enumTable<PhaseOneStatus, core.TryOutcome>({
  'not-sent': PhaseOneStatus.PHASE_ONE_STATUS_NONE,
  done: PhaseOneStatus.PHASE_ONE_STATUS_DONE,
  refused: PhaseOneStatus.PHASE_ONE_STATUS_REFUSED,
  unknown: PhaseOneStatus.PHASE_ONE_STATUS_UNKNOWN,
});

/** What happens at the deadline; unspecified = cancel. */
export const onTimeout = enumTable<OnTimeout, core.OnTimeout>(
  {
    cancel: OnTimeout.ON_TIMEOUT_CANCEL,
    ask: OnTimeout.ON_TIMEOUT_ASK,
    none: OnTimeout.ON_TIMEOUT_NONE,
  },
  'cancel',
);

/** Order of phase two; unspecified = all at once. */
export const phaseTwoOrder = enumTable<PhaseTwoOrder, core.PhaseTwoOrder>(
  {
    all: PhaseTwoOrder.PHASE_TWO_ORDER_ALL,
    registration: PhaseTwoOrder.PHASE_TWO_ORDER_REGISTRATION,
    reverse: PhaseTwoOrder.PHASE_TWO_ORDER_REVERSE,
    dag: PhaseTwoOrder.PHASE_TWO_ORDER_DAG,
  },
  'all',
);

/** Why a branch is stuck. */
export const stuckReason = enumTable<StuckReason, core.StuckReason>({
  retrying: StuckReason.STUCK_REASON_RETRYING,
  unreachable: StuckReason.STUCK_REASON_UNREACHABLE,
  deadline: StuckReason.STUCK_REASON_DEADLINE,
  rejected: StuckReason.STUCK_REASON_REJECTED,
  unimplemented: StuckReason.STUCK_REASON_UNIMPLEMENTED,
  auth: StuckReason.STUCK_REASON_AUTH,
  barrier: StuckReason.STUCK_REASON_BARRIER,
  parked: StuckReason.STUCK_REASON_PARKED,
});

/** Why a transaction was decided as it was. */
export const decisionCause = enumTable<DecisionCause, core.DecisionCause['kind']>({
  commit: DecisionCause.DECISION_CAUSE_COMMIT,
  rollback: DecisionCause.DECISION_CAUSE_ROLLBACK,
  timeout: DecisionCause.DECISION_CAUSE_TIMEOUT,
});
