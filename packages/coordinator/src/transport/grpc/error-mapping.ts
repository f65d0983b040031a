/** TercetError → what a caller is told. The catalogue decides; this file only knows gRPC's numbers and limits. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { errorCatalogue, metadataKeys, plainText, toTercetError } from '@tercet/core';
import { type CommandFailure, ErrorInfo } from '@tercet/proto';

/** Encoded bytes of a status message: with the trailers it stays below the 8 KiB that many peers allow. */
const MESSAGE_BYTES_MAX = 2_048;

/** A failure whose info is always there. */
export type Failure = CommandFailure & { readonly info: ErrorInfo };

/**
 * The failure of a command on a stream: the code, the message and the info that the unary call would have.
 * What is no TercetError becomes INTERNAL without its text: `report` gets the original and returns an id for it.
 */
export function toFailure(error: unknown, report: (error: unknown) => string): Failure {
  const known = toTercetError(error);
  const { code, retryable, hint } = known;
  const id = code === 'INTERNAL' ? report(known.cause ?? known) : undefined;
  // It travels in a header, percent-encoded: a text that is too long or malformed would break the connection.
  const full = id === undefined ? known.message : `${known.message} Error id ${id}.`;
  const details = id === undefined ? { ...known.details } : { ...known.details, error_id: id };
  return {
    grpcCode: status[errorCatalogue[code].rpc],
    message: plainText(full, MESSAGE_BYTES_MAX),
    info: { code, retryable, details, hint },
  };
}

/** The same as the status of a call: `tercet-code` for any language, `tercet-error-bin` with the whole info. */
export function toServiceError(error: unknown, report: (error: unknown) => string): ServiceError {
  const { grpcCode: code, message, info } = toFailure(error, report);
  const metadata = new Metadata();
  metadata.set(metadataKeys.errorCode, info.code);
  metadata.set(metadataKeys.errorInfo, Buffer.from(ErrorInfo.encode(info).finish()));
  return Object.assign(new Error(message), { code, details: message, metadata });
}
