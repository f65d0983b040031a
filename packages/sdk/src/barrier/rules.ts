/**
 * The barrier's rules, pure: what was found of a branch before a call decides how the call ends.
 *
 * B1 A Try runs once: afterwards it is answered from its row, and never after the Cancel of its branch.
 * B2 Of Confirm and Cancel one runs, once. The other is a conflict, for ever.
 * B3 Confirm runs only after a Try of its branch. A Cancel without one keeps every later Try out.
 * B4 A committed row without a reply was never finished: its handler committed by itself. Nothing is built on it.
 */
import type { BarrierCall, BarrierEnd, StoredTry } from './barrier';

/** A row as it was before the call. */
export interface FoundRow {
  /** Who wrote it. In slot `try`, `cancel` is the marker of a Cancel. */
  readonly op: BarrierCall['phase'];
  /** undefined: never finished. A marker has none either. */
  readonly reply: Uint8Array | undefined;
  readonly note: Uint8Array | undefined;
}

/** Both rows of a branch before the call; undefined = not there. */
export interface FoundRows {
  readonly try: FoundRow | undefined;
  readonly end: FoundRow | undefined;
}

/** How the call goes on. All but `run` and `empty` end it, and nothing is written. */
export type Verdict =
  /** Its work is to be done, with what Try left. */
  | { readonly kind: 'run'; readonly tried: StoredTry | undefined }
  /** A Cancel that has nothing to do; its rows are to be kept. */
  | { readonly kind: 'empty' }
  | Extract<BarrierEnd, { kind: 'duplicate' | 'late' | 'conflict' }>;

/** The verdict on a call. */
export function verdictOf(call: BarrierCall, found: FoundRows): Verdict {
  return call.phase === 'try' ? tryVerdict(call, found) : phaseTwoVerdict(call, found);
}

function tryVerdict(call: BarrierCall, { try: tried, end }: FoundRows): Verdict {
  if (end?.op === 'cancel' || tried?.op === 'cancel') return { kind: 'late' };
  return tried === undefined ? { kind: 'run', tried: undefined } : duplicateOf(call, tried);
}

function phaseTwoVerdict(call: BarrierCall, { try: tried, end }: FoundRows): Verdict {
  if (end !== undefined) {
    return end.op === call.phase ? duplicateOf(call, end) : conflict(call, decidedOtherwise(end));
  }
  if (tried?.op === 'try') return afterTry(call, tried);
  if (call.phase === 'cancel') {
    return call.cancelWhenTryUnknown === 'call'
      ? { kind: 'run', tried: undefined }
      : { kind: 'empty' };
  }
  return conflict(call, tried === undefined ? NEVER_TRIED : ONLY_A_MARKER);
}

function afterTry(call: BarrierCall, { reply, note }: FoundRow): Verdict {
  return reply === undefined
    ? conflict(call, unfinished('try'))
    : { kind: 'run', tried: { reply, note } };
}

function duplicateOf(call: BarrierCall, { op, reply, note }: FoundRow): Verdict {
  return reply === undefined ? conflict(call, unfinished(op)) : { kind: 'duplicate', reply, note };
}

const NEVER_TRIED =
  'no row of its Try: it was never tried here, its rows were cleaned up, or this is another database than the Try’s';
const ONLY_A_MARKER = 'the marker of a Cancel instead of its Try';

function decidedOtherwise({ op }: FoundRow): string {
  return `that the branch has ended with ${NAMES[op]} before`;
}

function unfinished(op: BarrierCall['phase']): string {
  return (
    `a committed row of ${NAMES[op]} that was never finished: its handler ended the local transaction itself ` +
    '(COMMIT or DDL), and what it did may be half done'
  );
}

function conflict(call: BarrierCall, found: string): Verdict {
  return { kind: 'conflict', message: `${labelOf(call)} found ${found}` };
}

const NAMES = { try: 'Try', confirm: 'Confirm', cancel: 'Cancel' } as const;

/** `Confirm of branch 1 of transaction order-1 (shop.StockTcc, action reserve)`. */
export function labelOf(call: BarrierCall): string {
  const { phase, branchId, gid, service, action } = call;
  return `${NAMES[phase]} of branch ${branchId} of transaction ${gid} (${service}, action ${action})`;
}

/** `the Try handler of reserve (shop.StockTcc)`. */
export function handlerOf({ phase, action, service }: BarrierCall): string {
  return `the ${NAMES[phase]} handler of ${action} (${service})`;
}
