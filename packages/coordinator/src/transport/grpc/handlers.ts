/** The RPCs of tercet.v1: wire request → service → wire answer. */
import { type Clock, parseGid } from '@tercet/core';
import type { CoordinatorServer, OperatorServer } from '@tercet/proto';
import type { OperatorService } from '../../service/operator-service';
import type { TransactionService } from '../../service/transaction-service';
import * as answers from './answers';
import * as requests from './requests';
import { unary } from './unary';

/** What the handlers call. */
export interface HandlerDeps {
  readonly transactions: TransactionService;
  readonly operator: OperatorService;
  readonly clock: Clock;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
  /** Logs an unexpected error and returns the id under which it stands there. */
  readonly report: (error: unknown) => string;
}

/** Handlers of `tercet.v1.Coordinator`. */
export function coordinatorHandlers(deps: HandlerDeps): CoordinatorServer {
  const { transactions, report } = deps;
  return {
    registerBranches: unary(async (request, call) => {
      const answer = await transactions.register(requests.registerRequest(request), call);
      return answers.registerAnswer(answer);
    }, report),
    commit: unary(async (request, call) => {
      const tx = await transactions.commit(requests.commitRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    }, report),
    rollback: unary(async (request, call) => {
      const tx = await transactions.rollback(requests.rollbackRequest(request), call);
      return answers.decisionAnswer(tx, moment(deps));
    }, report),
    getTransaction: unary(async ({ gid }) => {
      const tx = await transactions.get(parseGid(gid));
      return { transaction: answers.transaction(tx, moment(deps)) };
    }, report),
    waitTransaction: unary(async (request, call) => {
      const wish = { fact: requests.waitedFact(request.waitFor), waitMs: request.waitMs };
      const tx = await transactions.wait(parseGid(request.gid), wish, call);
      return { transaction: answers.transaction(tx, moment(deps)) };
    }, report),
  };
}

/** Handlers of `tercet.v1.Operator`. */
export function operatorHandlers(deps: HandlerDeps): OperatorServer {
  const { operator, report } = deps;
  return {
    listTransactions: unary(
      async (request) => answers.page(await operator.list(requests.listQuery(request))),
      report,
    ),
    describeTransaction: unary(async ({ gid }) => {
      const tx = await operator.describe(parseGid(gid));
      return { transaction: answers.transaction(tx, moment(deps)) };
    }, report),
    listStuckBranches: unary(
      (request) => answers.stuck(operator.stuck(requests.stuckQuery(request)), moment(deps)),
      report,
    ),
  };
}

function moment({ clock, clockSkewMs }: HandlerDeps): answers.Moment {
  return { now: clock.now(), clockSkewMs };
}
