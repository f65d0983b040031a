/** Distributed transactions over gRPC: initiator and participant. Operators' tools use `@tercet/sdk/operator`. */

// Both sides: the definition.
export { type ActionReply, type ActionRequest, type TccDefinition, defineTcc } from './define-tcc';
export type { ActionMap, ActionMethods, TccAction, TccOptions } from './tcc-action';
export type { Duration } from './duration';

// Initiator.
export { type GetOptions, type Tercet, type TercetOptions, type WaitOptions } from './tercet';
export { createTercet } from './create-tercet';
export type {
  RunAdditions,
  RunInfo,
  TercetInterceptor,
  TryAdditions,
  TryInfo,
} from './interceptors';
export type { ResultCodec } from './result-codec';
export type { TercetWarning, WarningListener } from './warnings';
export type {
  AttachedResult,
  BranchResult,
  OwnResult,
  ResultOption,
  RunOptions,
  RunResult,
} from './run-options';
export type {
  Replies,
  TccProxy,
  TransactionContext,
  TryOptions,
  UseOptions,
} from './transaction-context';
export type { BranchView, DecisionCauseKind, TransactionView } from './transaction-view';

// Participant.
export { addTcc } from './participant/add-tcc';
export type { CallContext } from './participant/call-context';
export type {
  ActionHandlers,
  AddTccOptions,
  CancelHandler,
  Definitions,
  DeliverState,
  OrdinaryHandler,
  TccHandlers,
  TccService,
  TryAndConfirm,
} from './participant/handlers';
export type { InterceptedCall, ParticipantInterceptor } from './participant/interceptors';
export { type RetryOptions, TccPark, TccReject, TccRetry } from './participant/verdicts';

// The barrier; its adapters are entry points of their own: `@tercet/sdk/knex`, `/mysql2`, `/pg`, `/sqlite`, `/redis`.
export type {
  Barrier,
  BarrierCall,
  BarrierEnd,
  BarrierWork,
  CancelWhenTryUnknown,
  OpenedCall,
  StoredTry,
  WorkDone,
} from './barrier/barrier';
export type { BarrierOptions } from './barrier/barrier-options';

// Correlation: the user's own calls and logs.
export { type TransactionScope, currentTransaction } from './transaction-scope';
export { tercetClientInterceptor, tercetServerInterceptor } from './grpc/correlation';

// Errors.
export {
  AttachedError,
  BarrierConflictError,
  BarrierError,
  ConfigError,
  CoordinatorUnavailableError,
  TransactionCancelledError,
  TransactionPendingError,
  TransactionStuckError,
  TryRejectedError,
  TryUnknownError,
} from './errors';
export {
  type BranchFailure,
  type BranchStatus,
  type CallFailure,
  type ErrorCode,
  type Fact,
  type GlobalStatus,
  type PhaseOneStatus,
  type StuckReason,
  TercetError,
  type Tombstone,
  type Verdict,
  grpcCode,
} from '@tercet/core';

// For libraries: ports that can be replaced, and the service types that definitions are inferred from.
export type {
  Answer,
  CallBounds,
  CommitRequest,
  CoordinatorTransport,
  DecisionReply,
  DecisionWait,
  GetRequest,
  RegisterReply,
  RegisterRequest,
  RegisteredBranch,
  RollbackRequest,
  TransactionReply,
  WaitRequest,
} from './coordinator/coordinator-transport';
export type { TryCall, TryCaller, TryReply } from './run/try-caller';
export type { GrpcCredentials } from './grpc/credentials';
export type { MethodLike, ReplyOf, RequestOf, ServiceLike } from './service-definition';
export type { Clock, Random, Scheduler, Timer } from '@tercet/core';
