/** Reads the metadata that Tercet sends with every call of an action. */
import type { Metadata } from '@grpc/grpc-js';
import {
  type BranchId,
  type Gid,
  type RunId,
  TercetError,
  type TraceContext,
  metadataKeys,
  parseBranchId,
  parseGid,
  parseRunId,
  traceProblem,
} from '@tercet/core';
import { textOf } from '@tercet/runtime';

/** Who calls for which branch. */
export interface CallHeaders {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly branchId: BranchId;
  readonly attempt: number;
  /** Unix ms; undefined in Confirm. */
  readonly notAfter: number | undefined;
}

/** Reads and checks. Throws INVALID_ARGUMENT naming the key; the method's phase must be the caller's. */
export function readHeaders(metadata: Metadata, phase: 'try' | 'confirm' | 'cancel'): CallHeaders {
  const said = needed(metadata, metadataKeys.phase);
  if (said !== phase) {
    throw malformed(metadataKeys.phase, `must be ${phase} for this method, got ${said}`);
  }
  return {
    gid: parseGid(needed(metadata, metadataKeys.gid)),
    runId: parseRunId(needed(metadata, metadataKeys.runId)),
    branchId: parseBranchId(needed(metadata, metadataKeys.branchId)),
    attempt: numberOf(metadata, metadataKeys.attempt),
    notAfter: phase === 'confirm' ? undefined : numberOf(metadata, metadataKeys.notAfter),
  };
}

/** The caller's trace context; one that is malformed is left out: a trace must not fail the work. */
export function readTrace(metadata: Metadata): TraceContext | undefined {
  const traceparent = textOf(metadata, metadataKeys.traceparent);
  if (traceparent === undefined) return undefined;
  const trace = { traceparent, tracestate: textOf(metadata, metadataKeys.tracestate) ?? '' };
  return traceProblem(trace) === undefined ? trace : undefined;
}

function needed(metadata: Metadata, key: string): string {
  const text = textOf(metadata, key);
  if (text !== undefined) return text;
  throw malformed(key, 'is missing; Try, Confirm and Cancel are called by Tercet only');
}

function numberOf(metadata: Metadata, key: string): number {
  const text = needed(metadata, key);
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw malformed(key, `must be a whole number, got ${text}`);
}

function malformed(key: string, what: string): TercetError {
  return new TercetError('INVALID_ARGUMENT', {
    message: `metadata ${key} ${what}`,
    details: { key },
  });
}
