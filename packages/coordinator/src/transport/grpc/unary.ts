/** The inbound unary adapter: the only place where callbacks, deadlines and cancellation of grpc-js are handled. */
import type { ServerUnaryCall, handleUnaryCall } from '@grpc/grpc-js';
import type { RunningWork } from '../../engine/running-work';
import type { CallContext } from '../../service/transaction-service';
import { Caller } from './caller';
import { toServiceError } from './error-mapping';

/** What every handler shares. */
export interface UnaryDeps {
  /** Logs an unexpected error and returns the id under which it stands there. */
  readonly report: (error: unknown) => string;
  readonly calls: RunningWork;
}

/** Turns an async function into a grpc-js handler. Whatever it throws is answered by the catalogue. */
export function unary<Request, Response>(
  handle: (request: Request, call: CallContext) => Promise<Response> | Response,
  { report, calls }: UnaryDeps,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const answer = async (): Promise<Response> => await handle(call.request, callerOf(call));
    const answered = calls.begin();
    answer()
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toServiceError(error, report)),
      )
      .finally(answered);
  };
}

function callerOf(call: ServerUnaryCall<unknown, unknown>): Caller {
  const caller = new Caller(expiryOf(call.getDeadline()));
  call.on('cancelled', () => caller.leave());
  return caller;
}

function expiryOf(deadline: Date | number): number | undefined {
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(at) ? at : undefined;
}
