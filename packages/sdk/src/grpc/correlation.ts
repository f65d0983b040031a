/**
 * Interceptors for the user's own grpc-js clients and servers: calls made on behalf of a transaction carry its ids, so
 * that logs and traces of other services can name it.
 *
 * X1 For correlation only. The keys that make a call a branch's (`tercet-branch-id`, `tercet-phase`, …) are never
 *    added, so no such call is ever taken for a Try, Confirm or Cancel.
 * X2 Metadata is merged into a copy: a key that is there stays, and the caller's object is not changed.
 * X3 Outside a transaction nothing is added.
 */
import {
  type Deadline,
  InterceptingCall,
  type Interceptor,
  type Metadata,
  type ServerInterceptor,
  ServerInterceptingCall,
} from '@grpc/grpc-js';
import { metadataKeys, parseGid, parseRunId, traceProblem } from '@tercet/core';
import { textOf } from '@tercet/runtime';
import { traceMetadata } from '../run/metadata-rules';
import { type TransactionScope, currentTransaction, eventScope } from '../transaction-scope';

/**
 * For the options of a grpc-js client: `new ShopClient(address, credentials, { interceptors: [tercetClientInterceptor] })`.
 * Calls of any kind that are made inside a transaction carry `tercet-gid`, `tercet-run-id` and its trace context.
 */
export const tercetClientInterceptor: Interceptor = (options, nextCall) => {
  const scope = currentTransaction();
  if (scope === undefined) return new InterceptingCall(nextCall(options));
  return new InterceptingCall(nextCall(options), {
    start: (metadata, listener, next) => next(withIds(metadata, scope), listener),
  });
};

/**
 * For the options of a grpc-js server: `new Server({ interceptors: [tercetServerInterceptor] })`. Handlers of calls that
 * carry a transaction's ids run with that `currentTransaction()`. Ids that are malformed are ignored.
 */
export const tercetServerInterceptor: ServerInterceptor = (_method, call) => {
  let within: (work: () => void) => void = (work) => work();
  return new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, forward) => {
          const scope = scopeOf(metadata, call.getDeadline());
          if (scope !== undefined) within = eventScope(scope);
          within(() => forward(metadata));
        },
        onReceiveMessage: (message, forward) => within(() => forward(message)),
        onReceiveHalfClose: (forward) => within(forward),
      }),
  });
};

function withIds(metadata: Metadata, { gid, runId, trace }: TransactionScope): Metadata {
  const merged = metadata.clone();
  const has = (...keys: readonly string[]): boolean =>
    keys.some((key) => merged.get(key).length > 0);
  // Ids belong together, and so does a trace context: halves from two sources would name nothing.
  const ids = has(metadataKeys.gid, metadataKeys.runId)
    ? {}
    : { [metadataKeys.gid]: gid, [metadataKeys.runId]: runId };
  const context = has(metadataKeys.traceparent, metadataKeys.tracestate)
    ? {}
    : traceMetadata(trace);
  for (const [key, value] of Object.entries({ ...ids, ...context })) merged.set(key, value);
  return merged;
}

function scopeOf(metadata: Metadata, until: Deadline): TransactionScope | undefined {
  const gid = textOf(metadata, metadataKeys.gid);
  const runId = textOf(metadata, metadataKeys.runId);
  if (gid === undefined || runId === undefined) return undefined;
  try {
    const trace = traceOf(metadata);
    return { gid: parseGid(gid), runId: parseRunId(runId), trace, deadline: unixMs(until) };
  } catch {
    return undefined;
  }
}

function unixMs(until: Deadline): number | undefined {
  const at = until instanceof Date ? until.getTime() : until;
  return Number.isFinite(at) ? at : undefined;
}

function traceOf(metadata: Metadata): TransactionScope['trace'] {
  const traceparent = textOf(metadata, metadataKeys.traceparent);
  if (traceparent === undefined) return undefined;
  const trace = { traceparent, tracestate: textOf(metadata, metadataKeys.tracestate) ?? '' };
  return traceProblem(trace) === undefined ? trace : undefined;
}
