/** The RPCs of tercet.v1: wire request → service → wire answer. */
import { type Clock, parseGid } from '@tercet/core';
import type { CoordinatorServer, OperatorServer } from '@tercet/proto';
import type { OperatorService } from '../../service/operator-service';
import type { TransactionService } from '../../service/transaction-service';
import * as answers from './answers';
import * as requests from './requests';
import { type UnaryDeps, unary } from './unary';

/** What the handlers call. */
export interface HandlerDeps extends UnaryDeps {
  readonly transactions: TransactionService;
  readonly operator: OperatorService;
  readonly clock: Clock;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
}

/** Handlers of `tercet.v1.Coordinator`. */
export function coordinatorHandlers(deps: HandlerDeps): CoordinatorServer {
  const { transactions } = deps;
  return {
    registerBranches: unary(async (request, call) => {
      const answer = await transactions.register(requests.registerRequest(request), call);
      return answers.registerAnswer(answer);
    }, deps),
    commit: unary(async (request, call) => {
      const tx = await transactions.commit(requests.commitRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    }, deps),
    rollback: unary(async (request, call) => {
      const tx = await transactions.rollback(requests.rollbackRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    }, deps),
    getTransaction: unary(async ({ gid, withResult }) => {
      const found = await transactions.get({ gid: parseGid(gid), withResult });
      return answers.found(found, moment(deps));
    }, deps),
    waitTransaction: unary(async (request, call) => {
      const found = await transactions.wait(requests.waitRequest(request), call);
      return answers.found(found, moment(deps));
    }, deps),
  };
}

/** Handlers of `tercet.v1.Operator`. */
export function operatorHandlers(deps: HandlerDeps): OperatorServer {
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
