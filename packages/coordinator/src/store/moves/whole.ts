/**
 * A transaction with everything that a store keeps of it ↔ the operations that write it into another store.
 *
 * W1 The operations of one transaction go as one batch, so that it is there whole or not at all; only one that is too large for
 *    a message of a server arrives in parts.
 * W2 Owner and epoch belong to the row, not to the transaction: a written one begins at epoch 1 and belongs to the writer, who
 *    leaves it to whoever comes.
 */
import { createHash } from 'node:crypto';
import {
  type Branch,
  CLOCK_SKEW_MS_DEFAULT,
  type GlobalTransaction,
  decidedByTimeAt,
  dueAt,
  isFinished,
  isHeld,
  noAttempts,
} from '@tercet/core';
import type { StoreOperation } from '../store';

/** All that is kept of a transaction. */
export interface WholeTransaction {
  readonly tx: GlobalTransaction;
  /** What the deciding commit carried; undefined where there was none. */
  readonly result: Uint8Array | undefined;
}

/** Most bytes of payloads that one operation registers. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** The operations that write it (W1). Not for a tombstone. */
export function operationsOf({ tx, result }: WholeTransaction): readonly StoreOperation[] {
  const start = { ...undecided(tx), branches: tx.branches.map(fresh) };
  const operations = registrations(start);
  if (tx.status !== 'trying') {
    operations.push({ kind: 'decide', tx: { ...tx, epoch: 1 }, result });
  }
  const due = nextAt(tx);
  const saved = tx.status === 'trying' ? isHeld(tx) : !isFinished(tx.status);
  if (saved) operations.push({ kind: 'progress', tx: { ...tx, epoch: 1 }, nextAt: due });
  return operations;
}

/** When something is due for it next, Unix ms; undefined = nothing by time. */
export function nextAt(tx: GlobalTransaction): number | undefined {
  if (tx.status === 'trying') return decidedByTimeAt(tx);
  const times = tx.branches.flatMap((one) => dueAt(tx, one, CLOCK_SKEW_MS_DEFAULT) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function undecided(tx: GlobalTransaction): GlobalTransaction {
  const ends = { decidedAt: undefined, finishedAt: undefined, cause: undefined };
  return { ...tx, status: 'trying', epoch: 1, ...ends };
}

function fresh({ spec, notAfter }: Branch): Branch {
  const state = { status: 'registered', phaseOne: 'none', tryTold: false } as const;
  return { spec, notAfter, ...state, attempts: noAttempts, parked: false, verdict: undefined };
}

/** The opening, and as many extensions as the bytes need. */
function registrations(tx: GlobalTransaction): StoreOperation[] {
  const ends = chunkEnds(tx.branches);
  const upTo = (end: number): GlobalTransaction => ({ ...tx, branches: tx.branches.slice(0, end) });
  const [first = tx.branches.length, ...others] = ends;
  const operations: StoreOperation[] = [{ kind: 'open', tx: upTo(first) }];
  let before = first;
  for (const end of others) {
    operations.push({ kind: 'extend', tx: upTo(end), before });
    before = end;
  }
  return operations;
}

/** Where each chunk ends; each has at least one branch. */
function chunkEnds(branches: readonly Branch[]): readonly number[] {
  const ends: number[] = [];
  let bytes = 0;
  branches.forEach(({ spec }, place) => {
    const { payload, confirmPayload, cancelPayload } = spec;
    const size = payload.length + (confirmPayload?.length ?? 0) + (cancelPayload?.length ?? 0);
    if (bytes > 0 && bytes + size > CHUNK_BYTES) {
      ends.push(place);
      bytes = 0;
    }
    bytes += size;
  });
  ends.push(branches.length);
  return ends;
}

/** A digest of everything but the epoch (W2): two stores hold the same transaction where it is the same. */
export function digestOf({ tx, result }: WholeTransaction): string {
  const { epoch: _epoch, ...content } = tx;
  const text = JSON.stringify({ ...content, result }, function (this: Holder, key: string) {
    return canonical(this[key]);
  });
  return createHash('sha256').update(text).digest('hex');
}

/** Whatever has fields. */
type Holder = Readonly<Record<string, unknown>>;

/** Bytes as text, and fields in one order; what is undefined is left out. */
function canonical(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
