/** What operators' tools ask of a coordinator: plain data in and out, no gRPC and no protobuf types. */
import { type TercetError, limits, parseGid } from '@tercet/core';
import type { Answer } from './coordinator/coordinator-transport';
import { checkAddress } from './coordinator-address';
import { isForeign } from './coordinator/foreign';
import { type Duration, millisecondsOf } from './duration';
import { CoordinatorUnavailableError } from './errors';
import type { GrpcCredentials } from './grpc/credentials';
import { GrpcOperatorTransport } from './grpc/grpc-operator-transport';
import type { Health, ListFilter, StuckFilter, StuckPage, TransactionPage } from './operator-views';
import type { TransactionView } from './transaction-view';

export type {
  Health,
  ListFilter,
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
  /** Longest time of one call. Default 10 s. */
  readonly timeout?: Duration;
  /** Channel credentials of grpc-js, for a TLS-terminating proxy in front of the coordinator. Default: no TLS. */
  readonly tls?: GrpcCredentials;
}

/**
 * An operator's client. Every call is one request and may be repeated. All reject with CoordinatorUnavailableError
 * where there is no answer in time, else with the coordinator's TercetError.
 */
export interface OperatorClient {
  /** A page of transactions: unfinished ones first, then finished ones, the latest first. */
  list(filter?: ListFilter): Promise<TransactionPage>;
  /** Everything that is known of one transaction, payloads left out. Rejects with TRANSACTION_NOT_FOUND. */
  get(gid: string): Promise<TransactionView>;
  /** The branches that are stuck in phase two, the oldest decision first. */
  stuck(filter?: StuckFilter): Promise<StuckPage>;
  /** The coordinator's own word on its health (grpc.health.v1). */
  health(): Promise<Health>;
  /** Ends the connection. Repeating is safe. */
  close(): void;
}

const ADDRESS_DEFAULT = '127.0.0.1:8420';
const TIMEOUT_MS_DEFAULT = 10_000;

/**
 * Makes an operator's client. Connects at the first call.
 *
 * @throws ConfigError where the address or the timeout is malformed.
 */
export function createOperatorClient(options: OperatorClientOptions = {}): OperatorClient {
  const { address = ADDRESS_DEFAULT, timeout = TIMEOUT_MS_DEFAULT, tls } = options;
  checkAddress('address', address);
  const deadlineMs = millisecondsOf('timeout', timeout, { min: 1, max: limits.durationMsMax });
  const transport = new GrpcOperatorTransport(address, { credentials: tls, deadlineMs });
  const answered = async <T>(call: Promise<Answer<T>>): Promise<T> => replyOf(await call, address);
  return {
    list: (filter = {}) => answered(transport.list(filter)),
    get: async (gid) => answered(transport.get(parseGid(gid))),
    stuck: (filter = {}) => answered(transport.stuck(filter)),
    health: () => answered(transport.health()),
    close: () => transport.close(),
  };
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
