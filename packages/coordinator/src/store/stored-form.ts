/**
 * The form in which every store keeps a transaction, so that what is loaded is the same whatever the store.
 *
 * F1 Texts hold no NUL and no lone surrogate: databases refuse or cut them, and a refused text in an outcome would
 *    keep a decided transaction from ever finishing.
 * F2 Equal bytes are kept once: a payload for Confirm or Cancel that equals the Try's is kept as "the same".
 * F3 Bytes are copied: what the caller does to its buffer afterwards does not reach the store.
 */
import type {
  Attempts,
  Branch,
  BranchSpec,
  DecisionCause,
  GlobalTransaction,
  Verdict,
} from '@tercet/core';

const unstorable = /[\0\p{Surrogate}]/u;
const unstorableAll = /[\0\p{Surrogate}]/gu;

/** The text with U+FFFD in the place of every NUL and every lone surrogate (F1). */
export function cleanText(text: string): string {
  return unstorable.test(text) ? text.replace(unstorableAll, '\ufffd') : text;
}

/** Labels with clean keys and values; of two keys that become equal the later one stays. */
export function cleanLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(labels);
  return Object.fromEntries(entries.map(([key, value]) => [cleanText(key), cleanText(value)]));
}

/** A decision's cause with a clean reason. */
export function storedCause(cause: DecisionCause | undefined): DecisionCause | undefined {
  return cause?.kind === 'rollback' ? { ...cause, reason: cleanText(cause.reason) } : cause;
}

/** Attempts with clean texts. */
export function storedAttempts(attempts: Attempts): Attempts {
  const { lastFailure } = attempts;
  if (lastFailure === undefined) return attempts;
  const { message, peer } = lastFailure;
  const clean = {
    ...lastFailure,
    message: cleanText(message),
    peer: peer === undefined ? undefined : cleanText(peer),
  };
  return { ...attempts, lastFailure: clean };
}

/** A verdict with clean texts. */
export function storedVerdict(verdict: Verdict | undefined): Verdict | undefined {
  if (verdict === undefined) return undefined;
  return { ...verdict, by: cleanText(verdict.by), reason: cleanText(verdict.reason) };
}

/**
 * A copy (F3). Not `slice`: that of a Buffer is a view of the same memory. What is no bytes is left to be refused
 * as data.
 */
export function storedBytes(bytes: Uint8Array): Uint8Array {
  return bytes instanceof Uint8Array ? new Uint8Array(bytes) : bytes;
}

/** What can change of a branch. */
export type BranchState = Omit<Branch, 'spec' | 'notAfter'>;

/** A branch's state as it is kept: F1. */
export function storedState(branch: Branch): BranchState {
  const { status, phaseOne, tryTold, parked } = branch;
  const attempts = storedAttempts(branch.attempts);
  return { status, phaseOne, tryTold, attempts, parked, verdict: storedVerdict(branch.verdict) };
}

/** A branch as it is kept: F1, F2, F3. */
export function storedBranch(branch: Branch): Branch {
  const { spec, notAfter } = branch;
  return { spec: storedSpec(spec), notAfter, ...storedState(branch) };
}

/** A transaction as it is kept: F1, F2, F3. Epoch, statuses, times and ids stay as they are. */
export function storedTransaction(tx: GlobalTransaction): GlobalTransaction {
  return {
    ...tx,
    name: cleanText(tx.name),
    policy: { ...tx.policy },
    labels: cleanLabels(tx.labels),
    trace: tx.trace && {
      traceparent: cleanText(tx.trace.traceparent),
      tracestate: cleanText(tx.trace.tracestate),
    },
    cause: storedCause(tx.cause),
    branches: tx.branches.map(storedBranch),
  };
}

function storedSpec(spec: BranchSpec): BranchSpec {
  return {
    ...spec,
    action: cleanText(spec.action),
    target: cleanText(spec.target),
    methods: {
      forward: cleanText(spec.methods.forward),
      confirm: cleanText(spec.methods.confirm),
      cancel: cleanText(spec.methods.cancel),
    },
    payload: storedBytes(spec.payload),
    confirmPayload: unlessSame(spec.confirmPayload, spec.payload),
    cancelPayload: unlessSame(spec.cancelPayload, spec.payload),
    after: [...spec.after],
  };
}

/** A copy of `bytes`, or undefined where they are those of `payload`. */
function unlessSame(bytes: Uint8Array | undefined, payload: Uint8Array): Uint8Array | undefined {
  const own = ownBytes(bytes, payload);
  return own && storedBytes(own);
}

/** `bytes`, or undefined where they are those of `payload` (F2). */
export function ownBytes(
  bytes: Uint8Array | undefined,
  payload: Uint8Array,
): Uint8Array | undefined {
  return bytes === undefined || sameBytes(bytes, payload) ? undefined : bytes;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return false;
  return a === b || (a.length === b.length && Buffer.compare(a, b) === 0);
}
