/** The RPCs of tercet.v1: wire request → service → wire answer. */
import { type Clock, type Scheduler, parseGid } from '@tercet/core';
import type * as wire from '@tercet/proto';
import type { OperatorService } from '../../service/operator-service';
import type { CallContext, TransactionService } from '../../service/transaction-service';
import * as answers from './answers';
import * as requests from './requests';
import { type UnaryDeps, unary } from './unary';

/** What the handlers call. */
export interface HandlerDeps extends UnaryDeps {
  readonly transactions: TransactionService;
  readonly operator: OperatorService;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
}

/** What the Coordinator service does, whoever asks: unary calls and the commands of a session both end here. */
export interface Commands {
  readonly register: Command<wire.RegisterBranchesRequest, wire.RegisterBranchesResponse>;
  readonly commit: Command<wire.CommitRequest, wire.CommitResponse>;
  readonly rollback: Command<wire.RollbackRequest, wire.RollbackResponse>;
  readonly get: Command<wire.GetTransactionRequest, wire.GetTransactionResponse>;
  readonly wait: Command<wire.WaitTransactionRequest, wire.WaitTransactionResponse>;
}

type Command<Request, Response> = (request: Request, call: CallContext) => Promise<Response>;

/** The one table of what initiators may ask. Each rejects with a TercetError and may be repeated. */
export function coordinatorCommands(deps: HandlerDeps): Commands {
  const { transactions } = deps;
  return {
    register: async (request, call) => {
      const answer = await transactions.register(requests.registerRequest(request), call);
      return answers.registerAnswer(answer);
    },
    commit: async (request, call) => {
      const tx = await transactions.commit(requests.commitRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    },
    rollback: async (request, call) => {
      const tx = await transactions.rollback(requests.rollbackRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    },
    get: async ({ gid, withResult }) => {
      const found = await transactions.get({ gid: parseGid(gid), withResult });
      return answers.found(found, moment(deps));
    },
    wait: async (request, call) => {
      const found = await transactions.wait(requests.waitRequest(request), call);
      return answers.found(found, moment(deps));
    },
  };
}

/** Handlers of `tercet.v1.Coordinator`. */
export function coordinatorHandlers(
  commands: Commands,
  session: wire.CoordinatorServer['session'],
  deps: UnaryDeps,
): wire.CoordinatorServer {
  return {
    registerBranches: unary(commands.register, deps),
    commit: unary(commands.commit, deps),
    rollback: unary(commands.rollback, deps),
    getTransaction: unary(commands.get, deps),
    waitTransaction: unary(commands.wait, deps),
    session,
  };
}

/** Handlers of `tercet.v1.Operator`. */
export function operatorHandlers(deps: HandlerDeps): wire.OperatorServer {
  const { operator } = deps;
  return {
    listTransactions: unary(
      async (request) => answers.page(await operator.list(requests.listQuery(request))),
      deps,
    ),
    describeTransaction: unary(async ({ gid }) => {
      const tx = await operator.describe(parseGid(gid));
      return { transaction: answers.transaction(tx, moment(deps)) };
    }, deps),
    listStuckBranches: unary(
      async (request) =>
        answers.stuck(await operator.stuck(requests.stuckQuery(request)), moment(deps)),
      deps,
    ),
    retryBranches: unary(async (request) => {
      const answer = await operator.retry(requests.branchesRequest(request));
      return answers.branchesAnswer(answer, moment(deps));
    }, deps),
    resumeBranches: unary(async (request) => {
      const answer = await operator.resume(requests.branchesRequest(request));
      return answers.branchesAnswer(answer, moment(deps));
    }, deps),
    resolveBranch: unary(async (request, call) => {
      const answer = await operator.resolve(requests.resolveRequest(request), call.signal);
      return answers.resolveAnswer(answer, moment(deps));
    }, deps),
  };
}

function moment({ clock, clockSkewMs }: HandlerDeps): answers.Moment {
  return { now: clock.now(), clockSkewMs };
}
