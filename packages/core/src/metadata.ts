/** Names of the gRPC metadata that Tercet sends and reads. Part of the wire contract (docs/protocol.md). */
export const metadataKeys = {
  /** To participants: the transaction. */
  gid: 'tercet-gid',
  /** To participants: the run that opened it. */
  runId: 'tercet-run-id',
  /** To participants: the branch. */
  branchId: 'tercet-branch-id',
  /** To participants: name of the action. */
  action: 'tercet-action',
  /** To participants: `try`, `confirm` or `cancel`. */
  phase: 'tercet-phase',
  /** To participants: 1 for the first call of this phase, then 2, … */
  attempt: 'tercet-attempt',
  /** To participants, with Try and Cancel: Unix ms after which the Try must not start. */
  notAfter: 'tercet-not-after',
  /** W3C trace context. */
  traceparent: 'traceparent',
  /** W3C trace context. */
  tracestate: 'tracestate',
  /** From participants, trailing, with FAILED_PRECONDITION: `reject`, `retry`, `park` or `conflict`. */
  verdict: 'tercet-verdict',
  /** From participants, trailing, with the verdict `retry`: earliest next call in milliseconds. */
  retryAfterMs: 'tercet-retry-after-ms',
  /** From participants, trailing, with OK to a Try: ids of the nested branches whose Try succeeded, comma-separated. */
  branches: 'tercet-branches',
  /** From participants, trailing, with the verdict `reject`: details as JSON in UTF-8. */
  rejectDetails: 'tercet-reject-details-bin',
  /** From the coordinator, trailing: the error's code. */
  errorCode: 'tercet-code',
  /** From the coordinator, trailing: `tercet.v1.ErrorInfo`. */
  errorInfo: 'tercet-error-bin',
} as const;

/** Keys of what Tercet says with every call of an action: on a stream they are fields, not metadata. */
export const contextKeys: ReadonlySet<string> = new Set([
  metadataKeys.gid,
  metadataKeys.runId,
  metadataKeys.branchId,
  metadataKeys.action,
  metadataKeys.phase,
  metadataKeys.attempt,
  metadataKeys.notAfter,
  metadataKeys.traceparent,
  metadataKeys.tracestate,
]);

/** Version of the contracts, as both ends of a stream say it in their Hello. */
export const PROTOCOL_VERSION = 1;
