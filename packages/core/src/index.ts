/** The pure heart of Tercet. Everything here is data and functions: no IO, no clock, no platform. */

// Words: ids, statuses, branches, transactions.
export {
  type BranchId,
  type Gid,
  GID_LENGTH_MAX,
  type RunId,
  describeText,
  isVisibleAscii,
  newGid,
  newRunId,
  parentOf,
  parseBranchId,
  parseGid,
  parseRunId,
} from './ids';
export {
  type Attempts,
  type Branch,
  type BranchDriver,
  type BranchMode,
  type BranchSpec,
  type BranchStatus,
  CALL_DEADLINE_MS_DEFAULT,
  type PhaseOneStatus,
  STUCK_AFTER_MS_DEFAULT,
  STUCK_ATTEMPTS_DEFAULT,
  type TryOutcome,
  type Verdict,
  noAttempts,
  payloadOf,
  sameContent,
  serviceOf,
} from './branch';
export {
  type DecisionCause,
  type Fact,
  type GlobalTransaction,
  type OnTimeout,
  type Opening,
  type PhaseTwoOrder,
  type Tombstone,
  type TransactionPolicy,
  factReached,
  facts,
  findBranch,
  holds,
  openPhase,
  pendingBranches,
} from './global-transaction';
export {
  type DecisionKind,
  type GlobalMove,
  type GlobalStatus,
  type Transition,
  branchTransitions,
  decisionOf,
  globalStatuses,
  globalTransitions,
  isFinished,
  isLegal,
  phaseTwoOf,
} from './transitions';

// Decisions.
export {
  type Change,
  type CommitEvent,
  type Decision,
  type RegisterEvent,
  type RollbackEvent,
  type Subject,
  type TransactionEvent,
  decide,
} from './decide';
export {
  type AnswerContext,
  type BranchAnswer,
  type BranchFailure,
  RETRY_DELAY_MS_MIN,
  completed,
  dueAt,
  openSince,
  waitsFor,
  withHeldBack,
  withOutcome,
} from './phase-two';
export {
  type CallFailure,
  type CallReply,
  type Dialect,
  type Outcome,
  type Phase,
  grpcCode,
  outcomeOf,
} from './outcome';
export { type AbortListener, type CallSignal, CallSignalSource } from './call-signal';
export { ReleasingMap } from './releasing-map';
export { type RetryPolicy, defaultRetryPolicy, nextDelayMs, slowDelayMs } from './retry-policy';
export { isImmediate, parks, reasonOf, stuckReasonAt } from './stuck';
export {
  type OperatorDecision,
  type OperatorEvent,
  type ResolveEvent,
  type ResumeEvent,
  operate,
} from './operate';
export { decidedByTimeAt, isHeld, restored } from './restored';
export { type StuckReason, stuckReasons } from './stuck-reason';

// Errors, limits, wire names, ports.
export {
  type ErrorCode,
  type ErrorEntry,
  type RpcStatusName,
  TercetError,
  type TercetErrorInit,
  errorCatalogue,
  isErrorCode,
  toTercetError,
} from './errors';
export { CLOCK_SKEW_MS_DEFAULT, limits } from './limits';
export { type Duration, parseDuration } from './duration';
export { PROTOCOL_VERSION, contextKeys, metadataKeys } from './metadata';
export { plainText } from './text';
export { nearest } from './nearest';
export { type Clock, type Random, type Scheduler, type Timer } from './ports';
export { TRACESTATE_LENGTH_MAX, type TraceContext, traceProblem } from './trace-context';
export { assertNever } from './assert-never';
