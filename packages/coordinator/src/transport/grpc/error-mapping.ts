/** TercetError → gRPC status with trailers. The catalogue decides; this file only knows gRPC's numbers and limits. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type TercetError, errorCatalogue, metadataKeys, toTercetError } from '@tercet/core';
import { ErrorInfo } from '@tercet/proto';

/**
 * The status of an error: code and message, `tercet-code` for any language, `tercet-error-bin` with everything.
 * What is no TercetError becomes INTERNAL without its text: `report` gets the original and returns an id for it.
 */
export function toServiceError(error: unknown, report: (error: unknown) => string): ServiceError {
  const known = toTercetError(error);
  const id = known.code === 'INTERNAL' ? report(known.cause ?? known) : undefined;
  const message = id === undefined ? known.message : `${known.message} Error id ${id}.`;
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
