/** Domain operations → the words of a batch. Made for speed: no object per operation, no check that SQLite makes. */
import type { GlobalTransaction } from '@tercet/core';
import { isFinished } from '@tercet/core';
import { assertFresh, assertIds, assertResult } from '../row-rules';
import type {
  DecideOperation,
  ExtendOperation,
  OpenOperation,
  ProgressOperation,
  StoreOperation,
} from '../store';
import { cleanLabels, cleanText, storedCause } from '../stored-form';
import { encodeSpecs } from '../rows/branch-specs';
import { encodeStates } from '../rows/branch-states';
import { ByteList } from '../rows/byte-list';
import { encodeDetails } from '../rows/details';
import { type Word, type WriteRequest, verb } from './messages';
import type { SpecShapes } from '../rows/spec-shapes';

interface Target {
  readonly words: Word[];
  readonly bytes: ByteList;
  readonly shapes: SpecShapes;
}

/** Encodes a batch; its bytes are copied (F3). Throws StoreFailure `data`, or whatever wrong data ends in. */
export function encodeBatch(batch: readonly StoreOperation[], shapes: SpecShapes): WriteRequest {
  const target: Target = { words: [], bytes: new ByteList(), shapes };
  for (const operation of batch) encodeOperation(operation, target);
  return { kind: 'write', words: target.words, bytes: target.bytes.join() };
}

function encodeOperation(operation: StoreOperation, target: Target): void {
  switch (operation.kind) {
    case 'open':
      return encodeOpen(operation, target);
    case 'extend':
      return encodeExtend(operation, target);
    case 'decide':
      return encodeDecide(operation, target);
    case 'progress':
      return encodeProgress(operation, target);
    case 'fence':
      target.words.push(verb.fence, operation.gid, operation.epoch);
      return;
    case 'take': {
      const { gid, epoch, runId, owner } = operation;
      target.words.push(verb.take, gid, epoch, runId, owner);
    }
  }
}

function encodeOpen({ tx }: OpenOperation, target: Target): void {
  assertFresh(tx);
  const { gid, runId, openedAt, deadlineAt, branches } = tx;
  const [name, count] = [cleanText(tx.name), branches.length];
  const [details, states] = [encodeDetails(tx), encodeStates(tx)];
  const { words } = target;
  words.push(verb.open, gid, runId, name, openedAt, deadlineAt, count, details, states);
  pushRegistration(tx, 0, target);
  const labels = Object.keys(tx.labels).length === 0 ? [] : Object.entries(cleanLabels(tx.labels));
  words.push(labels.length);
  for (const [key, value] of labels) words.push(key, value);
}

function encodeExtend({ tx, before }: ExtendOperation, target: Target): void {
  const { gid, epoch, runId, branches } = tx;
  const states = encodeStates(tx);
  target.words.push(verb.extend, gid, epoch, runId, before, branches.length, states);
  pushRegistration(tx, before, target);
}

function pushRegistration(tx: GlobalTransaction, from: number, target: Target): void {
  assertIds(tx);
  const before = target.bytes.length;
  const specs = tx.branches.length > from ? encodeSpecs(tx, from, target) : null;
  target.words.push(specs, target.bytes.length - before);
}

function encodeDecide({ tx, result }: DecideOperation, target: Target): void {
  const { words } = target;
  const { gid, epoch, runId, branches, status } = tx;
  const states = encodeStates(tx);
  const finished = isFinished(status);
  const plain = status === 'confirming' && tx.cause?.kind === 'commit' && states === null;
  const kind = plain ? verb.commit : finished ? verb.decideAndFinish : verb.decide;
  const decidedAt = tx.decidedAt ?? null;
  const length = addResult(tx, result, target.bytes);
  words.push(kind, gid, epoch, runId, branches.length, decidedAt, length);
  if (plain) return;
  const cause = storedCause(tx.cause);
  const reason = cause?.kind === 'rollback' ? cause.reason : null;
  words.push(status, cause?.kind ?? null, reason, states);
  if (finished) words.push(tx.finishedAt ?? null);
}

function addResult(tx: GlobalTransaction, result: Uint8Array | undefined, bytes: ByteList): number {
  if (result === undefined) return -1;
  assertResult(tx, result);
  bytes.add(result);
  return result.length;
}

function encodeProgress({ tx, nextAt }: ProgressOperation, target: Target): void {
  const { gid, epoch, runId, branches, status, finishedAt } = tx;
  const { words } = target;
  const states = encodeStates(tx);
  if (isFinished(status)) {
    const kind = status === 'confirmed' ? verb.confirmed : verb.cancelled;
    words.push(kind, gid, epoch, runId, branches.length, states, finishedAt ?? null);
    return;
  }
  words.push(verb.progress, gid, epoch, runId, branches.length, states, status, nextAt ?? null);
}
