/** Reads what Tercet sends with every call of an action, by whichever transport: who calls for which branch. */
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

/** The same as it was sent, unchecked; undefined = it was not sent. */
export interface SentHeaders {
  readonly phase: string | undefined;
  readonly gid: string | undefined;
  readonly runId: string | undefined;
  readonly branchId: string | undefined;
  readonly attempt: string | number | undefined;
  readonly notAfter: string | bigint | undefined;
}

/** What a unary call sends: one metadata key each. */
export function sentIn(metadata: Metadata): SentHeaders {
  return {
    phase: textOf(metadata, metadataKeys.phase),
    gid: textOf(metadata, metadataKeys.gid),
    runId: textOf(metadata, metadataKeys.runId),
    branchId: textOf(metadata, metadataKeys.branchId),
    attempt: textOf(metadata, metadataKeys.attempt),
    notAfter: textOf(metadata, metadataKeys.notAfter),
  };
}

/** Checks. Throws INVALID_ARGUMENT naming the key; the method's phase must be the caller's. */
export function readHeaders(sent: SentHeaders, phase: 'try' | 'confirm' | 'cancel'): CallHeaders {
  const said = needed(sent.phase, metadataKeys.phase);
  if (said !== phase) {
    throw malformed(metadataKeys.phase, `must be ${phase} for this method, got ${said}`);
  }
  return {
    gid: parseGid(needed(sent.gid, metadataKeys.gid)),
    runId: parseRunId(needed(sent.runId, metadataKeys.runId)),
    branchId: parseBranchId(needed(sent.branchId, metadataKeys.branchId)),
    attempt: numberOf(sent.attempt, metadataKeys.attempt),
    notAfter: phase === 'confirm' ? undefined : numberOf(sent.notAfter, metadataKeys.notAfter),
  };
}

/** The caller's trace context; one that is malformed is left out: a trace must not fail the work. */
export function readTrace(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  const trace = { traceparent, tracestate: tracestate ?? '' };
  return traceProblem(trace) === undefined ? trace : undefined;
}

function needed<T>(value: T | undefined, key: string): T {
  if (value !== undefined) return value;
  throw malformed(key, 'is missing; Try, Confirm and Cancel are called by Tercet only');
}

function numberOf(value: string | number | bigint | undefined, key: string): number {
  const given = needed(value, key);
  // Out of a field that can hold nothing but whole numbers.
  if (typeof given === 'number') return given;
  const text = String(given);
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw malformed(key, `must be a whole number, got ${text}`);
}

function malformed(key: string, what: string): TercetError {
  return new TercetError('INVALID_ARGUMENT', {
    message: `metadata ${key} ${what}`,
    details: { key },
  });
}
