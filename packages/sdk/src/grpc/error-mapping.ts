/** A coordinator's gRPC status → TercetError, and whether the coordinator itself said it. */
import {
  type ErrorCode,
  TercetError,
  errorCatalogue,
  grpcCode,
  isErrorCode,
  metadataKeys,
} from '@tercet/core';
import { ErrorInfo } from '@tercet/proto';
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

/** The answer that a failed call of `address` stands for. */
export function failedAnswer(
  reply: UnaryReply,
  how: { readonly address: string; readonly signal: AbortSignal },
): Answer<never> {
  const { address, signal } = how;
  if (signal.aborted && reply.code === grpcCode.CANCELLED) {
    const cause: unknown = signal.reason;
    return { kind: 'lost', error: new TercetError('CALL_CANCELLED', { cause }) };
  }
  const info = infoOf(reply);
  if (info === undefined) return { kind: 'lost', error: errorOfStatus(reply, address) };
  const { code, details } = info;
  const error = new TercetError(code, { message: reply.message, details });
  return { kind: unsure.includes(errorCatalogue[code].rpc) ? 'lost' : 'refused', error };
}

function infoOf(
  reply: UnaryReply,
): { readonly code: ErrorCode; readonly details: Readonly<Record<string, string>> } | undefined {
  const bytes = reply.trailers.get(metadataKeys.errorInfo)[0];
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const { code, details } = ErrorInfo.decode(bytes);
    // A newer coordinator may know codes that this SDK does not: the gRPC status still tells the kind.
    return isErrorCode(code) ? { code, details } : undefined;
  } catch {
    return undefined;
  }
}

function errorOfStatus(reply: UnaryReply, address: string): TercetError {
  const said = `${statusName(reply.code)}: ${reply.message}`;
  if (reply.code === grpcCode.UNIMPLEMENTED) {
    // A coordinator sends its code with every error of its own, also where this version cannot read the rest.
    const own = reply.trailers.get(metadataKeys.errorCode).length > 0;
    return own ? new TercetError('NOT_BUILT_YET', { message: said }) : foreignAnswer(address, said);
  }
  const code = withoutInfo.get(reply.code) ?? 'INTERNAL';
  return new TercetError(code, {
    message: said,
    details: { grpc_code: String(reply.code) },
  });
}
