/**
 * Carries all transactions of one store into another one, and proves that they arrived.
 *
 * T1 Nobody else writes to either store meanwhile. No transaction of the source is changed.
 * T2 What the target has already is left alone; where that is not what would be written, nothing more is written.
 * T3 It ends well only after every transaction was read back from the target and was the same, and there is nothing else.
 */
import {
  type Gid,
  type GlobalTransaction,
  type Scheduler,
  TercetError,
  isFinished,
} from '@tercet/core';
import type { Store, StoreOperation } from '../store';
import { patientWrite } from './patient-write';
import { loadWhole, summaries } from './reading';
import { type WholeTransaction, digestOf, operationsOf } from './whole';

/** What was carried over. */
export interface Counts {
  readonly transactions: number;
  /** Of them without an end. */
  readonly unfinished: number;
  /** Of them only what keeps their gid from being used twice. */
  readonly tombstones: number;
}

/** How far it is. */
export interface TransferProgress {
  readonly step: 'writing' | 'checking';
  /** Transactions of this step that are done. */
  readonly done: number;
  /** Of how many. */
  readonly of: number;
}

/** From where to where, and what becomes of each. */
export interface Transfer {
  readonly source: Store;
  readonly target: Store;
  /** For error texts. */
  readonly targetName: string;
  readonly scheduler: Scheduler;
  /** What becomes of each on its way. */
  readonly change: (tx: GlobalTransaction) => GlobalTransaction;
  readonly onProgress: (progress: TransferProgress) => void;
}

/** Transactions that are written as one commit. */
const WRITTEN_AT_ONCE = 25;
/** Bytes of payloads and results in one commit, where they are of several transactions. */
const BYTES_AT_ONCE = 1024 * 1024;

/** Carries them over. Rejects with STORE_NOT_EMPTY where the target has something else (T2), with INTERNAL where T3 fails. */
export async function transfer(work: Transfer): Promise<Counts> {
  const of = await count(work.source);
  let done = 0;
  let counts: Counts = { transactions: 0, unfinished: 0, tombstones: 0 };
  for await (const page of pages(work)) {
    await writePage(work, page);
    for (const { tx } of page) counts = counted(counts, tx);
    done += page.length;
    work.onProgress({ step: 'writing', done, of });
  }
  await check(work, counts.transactions);
  return counts;
}

/** How many transactions a store keeps, tombstones included. */
export async function count(store: Store): Promise<number> {
  let found = 0;
  for await (const page of summaries(store)) found += page.length;
  return found;
}

async function* pages(work: Transfer): AsyncGenerator<readonly WholeTransaction[]> {
  for await (const page of summaries(work.source)) {
    const loaded = await loadWhole(
      work.source,
      page.map(({ gid }) => gid),
    );
    yield loaded.flatMap((whole) => (whole === undefined ? [] : [changed(work, whole)]));
  }
}

function changed({ change }: Transfer, { tx, result }: WholeTransaction): WholeTransaction {
  return { tx: tx.tombstone === undefined ? change(tx) : tx, result };
}

function counted(counts: Counts, tx: GlobalTransaction): Counts {
  return {
    transactions: counts.transactions + 1,
    unfinished: counts.unfinished + (isFinished(tx.status) ? 0 : 1),
    tombstones: counts.tombstones + (tx.tombstone === undefined ? 0 : 1),
  };
}

async function writePage(work: Transfer, page: readonly WholeTransaction[]): Promise<void> {
  const { target } = work;
  const there = await loadWhole(target, page.map(gidOf));
  const missing = page.filter((whole, i) => {
    const found = there[i];
    if (found !== undefined && digestOf(found) !== digestOf(whole)) throw notTheSame(work, whole);
    return found === undefined;
  });
  const tombstones = missing.filter(({ tx }) => tx.tombstone !== undefined);
  if (tombstones.length > 0) await target.importTombstones(tombstones.map(({ tx }) => tx));
  const whole = missing.filter(({ tx }) => tx.tombstone === undefined);
  for (const some of portions(whole)) await write(work, some);
}

/** Whole transactions that fit into one message of any server, so that none is cut (W1). */
function portions(all: readonly WholeTransaction[]): readonly (readonly WholeTransaction[])[] {
  const made: WholeTransaction[][] = [];
  let bytes = 0;
  for (const whole of all) {
    const size = bytesOf(whole);
    const last = made.at(-1);
    if (last === undefined || last.length === WRITTEN_AT_ONCE || bytes + size > BYTES_AT_ONCE) {
      made.push([whole]);
      bytes = size;
    } else {
      last.push(whole);
      bytes += size;
    }
  }
  return made;
}

/** Payloads and result; the rest is small beside them. */
function bytesOf({ tx, result }: WholeTransaction): number {
  return tx.branches.reduce((sum, { spec }) => {
    const { payload, confirmPayload, cancelPayload } = spec;
    return sum + payload.length + (confirmPayload?.length ?? 0) + (cancelPayload?.length ?? 0);
  }, result?.length ?? 0);
}

async function write(work: Transfer, some: readonly WholeTransaction[]): Promise<void> {
  const operations = some.flatMap((whole): readonly StoreOperation[] => operationsOf(whole));
  const results = await patientWrite(work.target, operations, work.scheduler);
  const refused = operations[results.findIndex(({ kind }) => kind === 'refused')];
  if (refused === undefined || !('tx' in refused)) return;
  throw notTheSame(work, { tx: refused.tx, result: undefined });
}

/** T3 */
async function check(work: Transfer, of: number): Promise<void> {
  let done = 0;
  for await (const page of pages(work)) {
    const there = await loadWhole(work.target, page.map(gidOf));
    page.forEach((whole, i) => {
      const found = there[i];
      if (found === undefined || digestOf(found) !== digestOf(whole)) throw broken(work, whole);
    });
    done += page.length;
    work.onProgress({ step: 'checking', done, of });
  }
  const found = await count(work.target);
  if (found !== of) throw foreign(work, found - of);
}

function gidOf({ tx }: WholeTransaction): Gid {
  return tx.gid;
}

function notTheSame({ targetName }: Transfer, { tx }: WholeTransaction): TercetError {
  const message =
    `${targetName} holds transaction ${tx.gid} in another state: it was worked on, or is the target of something else; ` +
    'make it anew (drop the database, or remove the folder), then start again';
  return new TercetError('STORE_NOT_EMPTY', { message, details: { gid: tx.gid } });
}

function foreign({ targetName }: Transfer, more: number): TercetError {
  const message =
    `${targetName} holds transactions that are not of the source (${more} of them): ` +
    'make it anew (drop the database, or remove the folder), then start again';
  return new TercetError('STORE_NOT_EMPTY', { message });
}

function broken({ targetName }: Transfer, { tx }: WholeTransaction): TercetError {
  const message =
    `transaction ${tx.gid} did not arrive in ${targetName} as it was: start no coordinator there; ` +
    'the source is as it was';
  return new TercetError('INTERNAL', { message, details: { gid: tx.gid } });
}
