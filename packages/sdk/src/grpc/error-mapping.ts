/** A coordinator's gRPC status → TercetError, and whether the coordinator itself said it. */
import {
  type CallSignal,
  errorCatalogue,
  type ErrorCode,
  grpcCode,
  isErrorCode,
  metadataKeys,
  TercetError,
} from '@tercet/core';
import { type CommandFailure, ErrorInfo } from '@tercet/proto';
import type { UnaryReply } from '@tercet/runtime';
import type { Answer } from '../coordinator/coordinator-transport';
import { foreignAnswer } from '../coordinator/foreign';
import { statusName } from './status-text';

/** After these the request may have taken effect, whoever said so. */
const unsure: readonly string[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'INTERNAL'];

/**
 * What a status means that carries no ErrorInfo: it was made by a proxy, by a dying process or by the channel. A
 * broken connection shows as UNAVAILABLE, CANCELLED, UNKNOWN or INTERNAL, depending on what was under way.
 */
const withoutInfo: ReadonlyMap<number, ErrorCode> = new Map([
  [grpcCode.UNAVAILABLE, 'COORDINATOR_UNAVAILABLE'],
  [grpcCode.CANCELLED, 'COORDINATOR_UNAVAILABLE'],
  [grpcCode.UNKNOWN, 'COORDINATOR_UNAVAILABLE'],
  [grpcCode.INTERNAL, 'COORDINATOR_UNAVAILABLE'],
  [grpcCode.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [grpcCode.RESOURCE_EXHAUSTED, 'LIMIT_EXCEEDED'],
  [grpcCode.INVALID_ARGUMENT, 'INVALID_ARGUMENT'],
]);

/** How a call or a stream failed. */
export type FailedCall = Pick<UnaryReply, 'code' | 'message'> & Partial<UnaryReply>;

/** What a failure is besides its trailers. */
interface Failure {
  readonly code: number;
  readonly message: string;
  /** What the coordinator said of its error, where it did. */
  readonly info: ErrorInfo | undefined;
  /** Whether the coordinator itself said it. */
  readonly own: boolean;
}

/** The answer that a failed call of `address` stands for; an aborted `signal` is told from a lost connection. */
export function failedAnswer(
  reply: FailedCall,
  how: { readonly address: string; readonly signal?: CallSignal },
): Answer<never> {
  const { address, signal } = how;
  if (signal?.aborted === true && reply.code === grpcCode.CANCELLED) return callCancelled(signal);
  const { code, message, trailers } = reply;
  // A coordinator sends its code with every error of its own, also where this version cannot read the rest.
  const own = trailers !== undefined && trailers.get(metadataKeys.errorCode).length > 0;
  return answerOf({ code, message, info: infoOf(trailers), own }, address);
}

/** The answer that a failed command of a session stands for: the same as that of its unary call. */
export function failedCommand(failure: CommandFailure, address: string): Answer<never> {
  const { grpcCode: code, message, info } = failure;
  return answerOf({ code, message, info, own: true }, address);
}

/** The answer of a call that its caller gave up. */
export function callCancelled(signal: CallSignal): Answer<never> {
  const cause: unknown = signal.reason;
  return { kind: 'lost', error: new TercetError('CALL_CANCELLED', { cause }) };
}

function answerOf(failure: Failure, address: string): Answer<never> {
  const { info, message } = failure;
  // A newer coordinator may know codes that this SDK does not: the gRPC status still tells the kind.
  if (info === undefined || !isErrorCode(info.code)) {
    return { kind: 'lost', error: errorOfStatus(failure, address) };
  }
  const { code, details } = info;
  const error = new TercetError(code, { message, details });
  return { kind: unsure.includes(errorCatalogue[code].rpc) ? 'lost' : 'refused', error };
}

function infoOf(trailers: UnaryReply['trailers'] | undefined): ErrorInfo | undefined {
  const bytes = trailers?.get(metadataKeys.errorInfo)[0];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    return ErrorInfo.decode(bytes);
  } catch {
    return undefined;
  }
}

function errorOfStatus({ code: status, message, own }: Failure, address: string): TercetError {
  const said = `${statusName(status)}: ${message}`;
  if (status === grpcCode.UNIMPLEMENTED) {
    return own ? new TercetError('NOT_BUILT_YET', { message: said }) : foreignAnswer(address, said);
  }
  const code = withoutInfo.get(status) ?? 'INTERNAL';
  return new TercetError(code, { message: said, details: { grpc_code: String(status) } });
}
