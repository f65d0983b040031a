/** TercetError → gRPC status with trailers. The catalogue decides; this file only knows gRPC's numbers and limits. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type TercetError,
  errorCatalogue,
  metadataKeys,
  plainText,
  toTercetError,
} from '@tercet/core';
import { ErrorInfo } from '@tercet/proto';

/** Encoded bytes of a status message: with the trailers it stays below the 8 KiB that many peers allow. */
const MESSAGE_BYTES_MAX = 2_048;

/**
 * The status of an error: code and message, `tercet-code` for any language, `tercet-error-bin` with everything.
 * What is no TercetError becomes INTERNAL without its text: `report` gets the original and returns an id for it.
 */
export function toServiceError(error: unknown, report: (error: unknown) => string): ServiceError {
  const known = toTercetError(error);
  const id = known.code === 'INTERNAL' ? report(known.cause ?? known) : undefined;
  // It travels in a header, percent-encoded: a text that is too long or malformed would break the connection.
  const full = id === undefined ? known.message : `${known.message} Error id ${id}.`;
  const message = plainText(full, MESSAGE_BYTES_MAX);
  const details = id === undefined ? known.details : { ...known.details, error_id: id };
  return Object.assign(new Error(message), {
    code: status[errorCatalogue[known.code].rpc],
    details: message,
    metadata: trailersOf(known, details),
  });
}

function trailersOf(error: TercetError, details: Readonly<Record<string, string>>): Metadata {
  const { retryable, hint } = error;
  const info = ErrorInfo.encode({ code: error.code, retryable, details: { ...details }, hint });
  const metadata = new Metadata();
  metadata.set(metadataKeys.errorCode, error.code);
  metadata.set(metadataKeys.errorInfo, Buffer.from(info.finish()));
  return metadata;
}
