/** What operators' tools ask of a coordinator: plain data in and out, no gRPC and no protobuf types. */
import {
  type BranchId,
  CallSignalSource,
  limits,
  parseBranchId,
  parseGid,
  TercetError,
} from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import type { Answer, CallBounds } from './coordinator/coordinator-transport';
import { checkAddress } from './coordinator-address';
import { isForeign } from './coordinator/foreign';
import { isPassing, repeat } from './coordinator/repeat';
import { deadlineIn } from './deadline';
import { type Duration, millisecondsOf } from './duration';
import { CoordinatorUnavailableError } from './errors';
import { namesOf, refuseUnknown } from './known-options';
import type { GrpcCredentials } from './grpc/credentials';
import { GrpcOperatorTransport } from './grpc/grpc-operator-transport';
import type {
  BranchesChanged,
  BranchesOptions,
  Health,
  ListFilter,
  ResolveOptions,
  Resolved,
  StuckFilter,
  StuckPage,
  TransactionPage,
} from './operator-views';
import type { TransactionView } from './transaction-view';

export type {
  BranchesChanged,
  BranchesOptions,
  Health,
  ListFilter,
  ResolveOptions,
  Resolved,
  StuckBranch,
  StuckFilter,
  StuckPage,
  TransactionPage,
  TransactionSummary,
} from './operator-views';
export type { BranchView, DecisionCauseKind, TransactionView } from './transaction-view';
export { ConfigError, CoordinatorUnavailableError } from './errors';

/** How the coordinator is reached. */
export interface OperatorClientOptions {
  /** gRPC address: `host:port`, or a target such as `dns:///tercet:8420`. No URL. Default `127.0.0.1:8420`. */
  readonly address?: string;
  /** Longest time of one call, repeats included. Default 10 s. */
  readonly timeout?: Duration;
  /** Channel credentials of grpc-js, for a TLS-terminating proxy in front of the coordinator. Default: no TLS. */
  readonly tls?: GrpcCredentials;
}

/**
 * An operator's client. Every call may be repeated. Those that look are one request each; those that change something
 * repeat it by themselves while the coordinator is away. All reject with CoordinatorUnavailableError where there is no
 * answer in time, with ConfigError for an option that does not exist (nothing was sent), else with the coordinator's
 * TercetError.
 */
export interface OperatorClient {
  /** A page of transactions: unfinished ones first, then finished ones, the latest first. */
  list(filter?: ListFilter): Promise<TransactionPage>;
  /** Everything that is known of one transaction, payloads left out. Rejects with TRANSACTION_NOT_FOUND. */
  get(gid: string): Promise<TransactionView>;
  /** The branches that are stuck in phase two, the oldest decision first. */
  stuck(filter?: StuckFilter): Promise<StuckPage>;
  /**
   * Has pending branches of a decided transaction called at once and begins their backoff anew; their history stays.
   * Rejects with TRANSACTION_NOT_FOUND, BRANCH_NOT_FOUND, WRONG_STATUS (nothing is decided yet), or BRANCH_PARKED (a
   * named branch is parked, or every pending one is): those are for `resume`.
   */
  retry(gid: string, options?: BranchesOptions): Promise<BranchesChanged>;
  /**
   * Lets parked branches of a decided transaction be called again, at once. One that is not parked stays as it is. A transaction
   * that came back undecided with a restored store is cancelled.
   * Rejects with TRANSACTION_NOT_FOUND, BRANCH_NOT_FOUND or WRONG_STATUS (nothing is decided yet).
   */
  resume(gid: string, options?: BranchesOptions): Promise<BranchesChanged>;
  /**
   * Completes a branch by an operator's word: it counts as ended well and is never called again; its participant
   * learns nothing. A call of it that is under way ends first, within its deadline; where it answers OK, nothing is
   * recorded. Rejects with TRANSACTION_NOT_FOUND, BRANCH_NOT_FOUND, WRONG_STATUS (nothing is decided yet),
   * NOT_BUILT_YET (the verdict contradicts the decision) or INVALID_ARGUMENT.
   */
  resolve(gid: string, branch: string, options: ResolveOptions): Promise<Resolved>;
  /** The coordinator's own word on its health (grpc.health.v1). */
  health(): Promise<Health>;
  /** Ends the connection, and with CALL_CANCELLED what is still repeated. Repeating is safe. */
  close(): void;
}

const ADDRESS_DEFAULT = '127.0.0.1:8420';
const TIMEOUT_MS_DEFAULT = 10_000;
const optionNames = namesOf<OperatorClientOptions>({ address: true, timeout: true, tls: true });
const listNames = namesOf<ListFilter>({
  statuses: true,
  name: true,
  gidPrefix: true,
  limit: true,
  cursor: true,
});
const stuckNames = namesOf<StuckFilter>({ service: true, action: true, reason: true, limit: true });
const branchesNames = namesOf<BranchesOptions>({ branches: true });
const resolveNames = namesOf<ResolveOptions>({ as: true, reason: true, by: true });

/**
 * Makes an operator's client. Connects at the first call.
 *
 * @throws ConfigError where an option is unknown, or the address or the timeout malformed.
 */
export function createOperatorClient(options: OperatorClientOptions = {}): OperatorClient {
  refuseUnknown('createOperatorClient', options, optionNames);
  const { address = ADDRESS_DEFAULT, timeout = TIMEOUT_MS_DEFAULT, tls } = options;
  checkAddress('address', address);
  const deadlineMs = millisecondsOf('timeout', timeout, { min: 1, max: limits.durationMsMax });
  const transport = new GrpcOperatorTransport(address, { credentials: tls, deadlineMs });
  const answered = async <T>(call: Promise<Answer<T>>): Promise<T> => replyOf(await call, address);
  const closed = new CallSignalSource();
  const carriedOut = <T>(attempt: (bounds: CallBounds) => Promise<Answer<T>>): Promise<T> =>
    answered(repeated(attempt, { deadlineMs, signal: closed }));
  return {
    list: async (filter = {}) => {
      refuseUnknown('list', filter, listNames);
      return await answered(transport.list(filter));
    },
    get: async (gid) => answered(transport.get(parseGid(gid))),
    stuck: async (filter = {}) => {
      refuseUnknown('stuck', filter, stuckNames);
      return await answered(transport.stuck(filter));
    },
    retry: async (gid, options) => {
      const request = { gid: parseGid(gid), branchIds: branchIdsOf('retry', options) };
      return await carriedOut((bounds) => transport.retry(request, bounds));
    },
    resume: async (gid, options) => {
      const request = { gid: parseGid(gid), branchIds: branchIdsOf('resume', options) };
      return await carriedOut((bounds) => transport.resume(request, bounds));
    },
    resolve: async (gid, branch, options) => {
      refuseUnknown('resolve', options, resolveNames);
      const request = { ...options, gid: parseGid(gid), branchId: parseBranchId(branch, 'branch') };
      return await carriedOut((bounds) => transport.resolve(request, bounds));
    },
    health: () => answered(transport.health()),
    close: () => {
      closed.abort(new TercetError('CALL_CANCELLED', { message: 'this client was closed' }));
      transport.close();
    },
  };
}

const ports = { clock: systemClock, random: systemRandom, scheduler: systemScheduler };

/** One request until it is answered, within the time of one call. */
async function repeated<T>(
  attempt: (bounds: CallBounds) => Promise<Answer<T>>,
  { deadlineMs, signal: closed }: CallBounds,
): Promise<Answer<T>> {
  const deadline = deadlineIn(ports.clock, deadlineMs);
  const { answer } = await repeat(ports, {
    deadline,
    waitMs: 0,
    signals: [closed],
    again: isPassing,
    // The coordinator may wait for a running call on purpose: an attempt has all the time that is left.
    attempt: ({ signal }) => attempt({ deadlineMs: deadline.leftMs(), signal }),
  });
  return answer;
}

function branchIdsOf(verb: 'retry' | 'resume', options: BranchesOptions = {}): readonly BranchId[] {
  refuseUnknown(verb, options, branchesNames);
  const { branches = [] } = options;
  return branches.map((id) => parseBranchId(id, 'branches'));
}

function replyOf<T>(answer: Answer<T>, address: string): T {
  if (answer.kind === 'ok') return answer.reply;
  const { error } = answer;
  if (isForeign(error)) {
    const { message } = error;
    throw new CoordinatorUnavailableError({ message, decided: 'unknown', cause: error });
  }
  if (answer.kind === 'refused' || !isAway(error)) throw error;
  throw new CoordinatorUnavailableError({
    message: `no answer from the coordinator at ${address}: ${error.message}`,
    decided: 'unknown',
    cause: error,
  });
}

function isAway(error: TercetError): boolean {
  const codes: readonly string[] = ['COORDINATOR_UNAVAILABLE', 'DEADLINE_EXCEEDED'];
  return codes.includes(error.code);
}
