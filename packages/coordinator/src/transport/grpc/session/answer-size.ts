/**
 * How large an answer is on the wire, roughly and never too little: a message is filled by it. Encoding an answer only
 * to measure it would double the cost of most of them.
 */
import type { BranchState, CommandFailure, SessionAnswer, Transaction } from '@tercet/proto';

/** Tags, lengths and numbers of an answer with nothing in it. */
const ANSWER_BYTES = 32;
/** Of a registered branch, its id left out. */
const REGISTERED_BYTES = 18;
/** Numbers, tags and lengths of a branch's state, of its last failure and of its verdict. */
const BRANCH_BYTES = 192;
/** Numbers, tags and lengths of a transaction. */
const TRANSACTION_BYTES = 128;
/** Tags and lengths around an entry of a map. */
const ENTRY_BYTES = 12;

/** Bytes of an answer on the wire: at least what it takes. */
export function answerBytes({ answer }: SessionAnswer): number {
  switch (answer?.$case) {
    case 'registered': {
      const { branches } = answer.value;
      return branches.reduce(
        (sum, { branchId }) => sum + REGISTERED_BYTES + branchId.length,
        ANSWER_BYTES,
      );
    }
    case 'committed':
    case 'rolledBack':
      return ANSWER_BYTES + branchesBytes(answer.value.pending);
    case 'got':
    case 'waited': {
      const { transaction, result } = answer.value;
      return ANSWER_BYTES + transactionBytes(transaction) + (result?.length ?? 0);
    }
    case 'failure':
      return ANSWER_BYTES + failureBytes(answer.value);
    case undefined:
      return ANSWER_BYTES;
  }
}

function failureBytes({ message, info }: CommandFailure): number {
  if (info === undefined) return textBytes(message);
  return textBytes(message) + info.code.length + textBytes(info.hint) + mapBytes(info.details);
}

function transactionBytes(tx: Transaction | undefined): number {
  if (tx === undefined) return 0;
  const { gid, runId, name, labels, traceContext: trace } = tx;
  const own = gid.length + runId.length + name.length + textBytes(tx.reason);
  const traced = trace === undefined ? 0 : trace.traceparent.length + trace.tracestate.length;
  return TRANSACTION_BYTES + own + traced + mapBytes(labels) + branchesBytes(tx.branches);
}

function branchesBytes(branches: readonly BranchState[]): number {
  let sum = 0;
  for (const branch of branches) sum += branchBytes(branch);
  return sum;
}

function branchBytes(branch: BranchState): number {
  const { lastFailure, verdict } = branch;
  const methods =
    branch.forwardMethod.length + branch.confirmMethod.length + branch.cancelMethod.length;
  let sum = BRANCH_BYTES + methods + branch.branchId.length + branch.action.length;
  sum += branch.target.length + branch.waitsFor.length;
  for (const id of branch.after) sum += 2 + id.length;
  if (lastFailure !== undefined) {
    sum += textBytes(lastFailure.message) + textBytes(lastFailure.peer);
  }
  if (verdict !== undefined) sum += textBytes(verdict.by) + textBytes(verdict.reason);
  return sum;
}

function mapBytes(map: Readonly<Record<string, string>>): number {
  let sum = 0;
  for (const key in map) sum += ENTRY_BYTES + key.length + textBytes(map[key] ?? '');
  return sum;
}

/** People's words need not be ASCII; ids, methods and targets are. */
function textBytes(text: string): number {
  return Buffer.byteLength(text);
}
