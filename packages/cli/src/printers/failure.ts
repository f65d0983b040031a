import { grpcCode } from '@tercet/core';
import type { BranchView } from '@tercet/sdk/operator';

/** The name of a gRPC status code, `CODE(42)` where it has none. */
export function codeName(code: number): string {
  const entry = Object.entries(grpcCode).find(([, number]) => number === code);
  return entry?.[0] ?? `CODE(${code})`;
}

/** Status name of the last failed attempt; empty where none failed. */
export function failureCode({ lastFailure }: BranchView): string {
  return lastFailure === undefined ? '' : codeName(lastFailure.grpcCode);
}

/** Text of the last failed attempt; empty where none failed. */
export function failureText({ lastFailure }: BranchView): string {
  return lastFailure?.message ?? '';
}
