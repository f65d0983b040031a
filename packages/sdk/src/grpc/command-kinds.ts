/** The five commands of a coordinator: as unary calls and on a session. */
import {
  CoordinatorService,
  type CommitRequest as WireCommit,
  type CommitResponse,
  type GetTransactionRequest,
  type GetTransactionResponse,
  type RegisterBranchesRequest,
  type RegisterBranchesResponse,
  type RollbackRequest as WireRollback,
  type RollbackResponse,
  type SessionAnswer,
  type SessionCommand,
  type WaitTransactionRequest,
  type WaitTransactionResponse,
} from '@tercet/proto';
import type {
  CommitRequest,
  DecisionReply,
  DecisionWait,
  GetRequest,
  RegisterReply,
  RegisterRequest,
  RollbackRequest,
  TransactionReply,
  WaitRequest,
} from '../coordinator/coordinator-transport';
import type { WireMethod } from './call-coordinator';
import * as mappers from './mappers';

/**
 * How long a command may stay unanswered on purpose.
 * - `quick`: it is answered as soon as it is done.
 * - `decision`: its answer waits for Confirm or Cancel.
 * - `wait`: it does nothing but wait.
 */
export type Patience = 'quick' | 'decision' | 'wait';

/** What a command is on the wire. The functions are pure. */
export interface CommandKind<Request, Wire, Response, Reply> {
  /** Its unary method. */
  readonly method: WireMethod<Wire, Response>;
  /** Its case in SessionCommand. */
  readonly command: NonNullable<SessionCommand['command']>['$case'];
  /** Its answer's case in SessionAnswer. */
  readonly answer: NonNullable<SessionAnswer['answer']>['$case'];
  toWire(request: Request): Wire;
  /** Throws TercetError where the response makes no sense. */
  read(response: Response): Reply;
  patienceOf(request: Request): Patience;
}

/** Any of them. */
export type AnyCommandKind = CommandKind<unknown, unknown, unknown, unknown>;

const quick = (): Patience => 'quick';
const wait = (): Patience => 'wait';
const decision = ({ waitFor, waitMs }: DecisionWait): Patience =>
  waitFor === 'decided' || waitMs === 0 ? 'quick' : 'decision';

/** RegisterBranches. */
export const register: CommandKind<
  RegisterRequest,
  RegisterBranchesRequest,
  RegisterBranchesResponse,
  RegisterReply
> = {
  method: CoordinatorService.registerBranches,
  command: 'register',
  answer: 'registered',
  toWire: mappers.registerRequest,
  read: mappers.registerReply,
  patienceOf: quick,
};

/** Commit. */
export const commit: CommandKind<CommitRequest, WireCommit, CommitResponse, DecisionReply> = {
  method: CoordinatorService.commit,
  command: 'commit',
  answer: 'committed',
  toWire: mappers.commitRequest,
  read: mappers.decisionReply,
  patienceOf: decision,
};

/** Rollback. */
export const rollback: CommandKind<RollbackRequest, WireRollback, RollbackResponse, DecisionReply> =
  {
    method: CoordinatorService.rollback,
    command: 'rollback',
    answer: 'rolledBack',
    toWire: mappers.rollbackRequest,
    read: mappers.decisionReply,
    patienceOf: decision,
  };

/** GetTransaction. */
export const getTransaction: CommandKind<
  GetRequest,
  GetTransactionRequest,
  GetTransactionResponse,
  TransactionReply
> = {
  method: CoordinatorService.getTransaction,
  command: 'get',
  answer: 'got',
  toWire: (request) => request,
  read: mappers.transactionReply,
  patienceOf: quick,
};

/** WaitTransaction. */
export const waitTransaction: CommandKind<
  WaitRequest,
  WaitTransactionRequest,
  WaitTransactionResponse,
  TransactionReply
> = {
  method: CoordinatorService.waitTransaction,
  command: 'wait',
  answer: 'waited',
  toWire: mappers.waitRequest,
  read: mappers.transactionReply,
  patienceOf: wait,
};
