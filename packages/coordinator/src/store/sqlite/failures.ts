/**
 * What an error of SQLite means for a batch (docs/adr/0006-batch-protocol.md). Only COMMIT can leave a doubt: what failed
 * before it was rolled back, and a transaction without COMMIT never counts, not even after a crash.
 */
import type { ErrorCode } from '@tercet/core';
import type { StoreFailureKind } from '../store';

/** How far a batch had come when the error arrived. */
export type Stage = 'before-commit' | 'commit';

/** A failure on its way from the worker to the store. */
export type WireFailure =
  | { readonly kind: 'store'; readonly failure: StoreFailureKind; readonly message: string }
  | { readonly kind: 'tercet'; readonly code: ErrorCode; readonly message: string };

/** A failure that is known already; thrown within the worker. */
export class KnownFailure extends Error {
  override readonly name = 'KnownFailure';

  constructor(readonly wire: WireFailure) {
    super(wire.message);
  }
}

/** The connection is in a state that nobody knows; the worker has to end. */
export class BrokenConnection extends Error {
  override readonly name = 'BrokenConnection';
}

/** Primary result codes that Tercet tells apart: sqlite.org/rescode.html. */
export const sqliteCode = {
  ERROR: 1,
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  SCHEMA: 17,
  TOOBIG: 18,
  CONSTRAINT: 19,
  MISMATCH: 20,
  NOTADB: 26,
} as const;

const data: readonly number[] = [sqliteCode.CONSTRAINT, sqliteCode.MISMATCH, sqliteCode.TOOBIG];
const transient: readonly number[] = [
  sqliteCode.BUSY,
  sqliteCode.LOCKED,
  sqliteCode.PROTOCOL,
  sqliteCode.SCHEMA,
];
/** At COMMIT these say that nothing was committed; any other code there says nothing certain. */
const nothingCommitted: readonly number[] = [
  sqliteCode.FULL,
  sqliteCode.READONLY,
  sqliteCode.CONSTRAINT,
];

/** The primary result code of an error of the driver; undefined where the error is none of SQLite's. */
export function codeOf(error: unknown): number | undefined {
  // Not `instanceof Error`: the driver's errors may come from another realm than this code.
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Judges an error of a batch. */
export function failureOf(error: unknown, stage: Stage): WireFailure {
  if (error instanceof KnownFailure) return error.wire;
  return { kind: 'store', failure: kindOf(codeOf(error), stage), message: describe(error) };
}

function kindOf(code: number | undefined, stage: Stage): StoreFailureKind {
  // The driver itself refused to bind a value: no later try of the same operation will do better.
  if (code === undefined) return stage === 'commit' ? 'unknown' : 'data';
  if (transient.includes(code)) return 'transient';
  if (stage === 'commit') return nothingCommitted.includes(code) ? 'unavailable' : 'unknown';
  return data.includes(code) ? 'data' : 'unavailable';
}

/** The text of an error with SQLite's own name for it. */
export function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (code === undefined) return text;
  const name = Object.entries(sqliteCode).find(([, number]) => number === code)?.[0];
  return `SQLITE_${name ?? code}: ${text}`;
}
