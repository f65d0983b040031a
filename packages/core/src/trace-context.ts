import { describeText } from './ids';

/** W3C trace context of the initiator. */
export interface TraceContext {
  readonly traceparent: string;
  /** May be empty. */
  readonly tracestate: string;
}

/** Characters of a tracestate. The W3C lets a longer one be dropped whole (Trace Context §3.3.1.5). */
export const TRACESTATE_LENGTH_MAX = 512;

/** W3C Trace Context §3.2, later versions included. */
const traceparentPattern =
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{0,64})?$/;
const printable = /^[\x20-\x7e]*$/;

/**
 * Why a trace context cannot be carried, or undefined where it can. It goes into the metadata of every call: what
 * metadata cannot hold would make each of them fail.
 */
export function traceProblem(
  trace: TraceContext,
): { readonly field: 'traceparent' | 'tracestate'; readonly message: string } | undefined {
  if (!traceparentPattern.test(trace.traceparent)) {
    const message = `must be a W3C traceparent such as 00-<32 hex>-<16 hex>-01, got ${describeText(trace.traceparent)}`;
    return { field: 'traceparent', message };
  }
  if (trace.tracestate.length <= TRACESTATE_LENGTH_MAX && printable.test(trace.tracestate)) {
    return undefined;
  }
  const message = `at most ${TRACESTATE_LENGTH_MAX} printable ASCII characters, got ${describeText(trace.tracestate)}`;
  return { field: 'tracestate', message };
}
