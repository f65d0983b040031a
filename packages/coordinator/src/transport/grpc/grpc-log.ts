import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/**
 * Stops grpc-js from writing lines of its own to standard error: what goes wrong reaches the caller as an error and
 * is said there, in words. Only for a process that is all ours.
 */
export function silenceGrpcLog(): void {
  setLogVerbosity(logVerbosity.NONE);
}
