/**
 * Whether what was seen can be: is there an order of the calls, none before one that had ended when it began, in which each
 * ends as the barrier's table says, and which leaves what is there at the end?
 *
 * H1 A call that failed before COMMIT took no effect; one of which nobody knows took it or not.
 * H2 A duplicate is answered what the first was, and phase two is given what Try has left.
 */
import type { Step } from './program';

/** How a call ended. */
export type Seen =
  | { readonly kind: 'done' | 'duplicate'; readonly reply: string }
  | { readonly kind: 'empty' | 'late' | 'conflict' }
  /** It took no effect. */
  | { readonly kind: 'none'; readonly why: string }
  /** Nobody knows. */
  | { readonly kind: 'unknown'; readonly why: string };

/** One call of one branch, and when. */
export interface Carried {
  readonly step: Step;
  /** The reply that its last work made, or would have made. */
  readonly reply: string;
  /** What its last work was told of Try: the reply; `nothing`; undefined = no work was done, or it cannot be told. */
  readonly tried: string | undefined;
  readonly seen: Seen;
  /** Points in time, counted. */
  readonly from: number;
  readonly to: number;
}

/** What a branch has left in the business tables: how often each work took effect. */
export interface Effects {
  readonly try: number;
  readonly confirm: number;
  readonly cancel: number;
  /** Cancels whose handler was told that no Try was observed. */
  readonly blindCancel: number;
}

interface Row {
  readonly tried: string | undefined;
  readonly marker: boolean;
  readonly end: 'confirm' | 'cancel' | undefined;
  readonly endReply: string;
  readonly blind: boolean;
}

const fresh: Row = { tried: undefined, marker: false, end: undefined, endReply: '', blind: false };

/** Whether such an order exists. `mode`: what a Cancel without Try does. */
export function canBe(calls: readonly Carried[], left: Effects, mode: 'skip' | 'call'): boolean {
  const known = calls.filter(({ seen }) => seen.kind !== 'none');
  const dead = new Set<string>();
  const search = (row: Row, open: readonly Carried[]): boolean => {
    if (open.length === 0) return leaves(row, left);
    const key = `${JSON.stringify(row)} ${open.map((call) => known.indexOf(call)).join()}`;
    if (dead.has(key)) return false;
    const found = open.some((call) => {
      if (open.some((other) => other.to < call.from)) return false;
      const rest = open.filter((other) => other !== call);
      return futures(row, call, mode).some((next) => search(next, rest));
    });
    if (!found) dead.add(key);
    return found;
  };
  return search(fresh, known);
}

/** The rows that a call may leave, if it came now; none = it cannot have come now. */
function futures(row: Row, call: Carried, mode: 'skip' | 'call'): readonly Row[] {
  const { kind, next, reply } = ending(row, call, mode);
  const { seen } = call;
  if (seen.kind === 'unknown') return next === row ? [row] : [row, next];
  if (seen.kind !== kind) return [];
  if ('reply' in seen && seen.reply !== reply) return [];
  if (kind === 'done' && call.step.phase !== 'try' && call.tried !== undefined) {
    if (call.tried !== (row.tried ?? 'nothing')) return [];
  }
  return [next];
}

interface Ending {
  readonly kind: Seen['kind'];
  readonly next: Row;
  readonly reply?: string;
}

/** The table of the barrier. */
function ending(row: Row, { step: { phase }, reply }: Carried, mode: 'skip' | 'call'): Ending {
  if (phase === 'try') {
    if (row.marker || row.end === 'cancel') return { kind: 'late', next: row };
    if (row.tried !== undefined) return { kind: 'duplicate', next: row, reply: row.tried };
    return { kind: 'done', next: { ...row, tried: reply }, reply };
  }
  if (row.end === phase) return { kind: 'duplicate', next: row, reply: row.endReply };
  if (row.end !== undefined) return { kind: 'conflict', next: row };
  const ended = { ...row, end: phase, endReply: reply };
  if (row.tried !== undefined) return { kind: 'done', next: ended, reply };
  if (phase === 'confirm') return { kind: 'conflict', next: row };
  const marked = { ...ended, marker: true, blind: mode === 'call' };
  if (mode === 'call') return { kind: 'done', next: marked, reply };
  return { kind: 'empty', next: { ...marked, endReply: '' } };
}

function leaves(row: Row, left: Effects): boolean {
  const tried = row.tried === undefined ? 0 : 1;
  return (
    left.try === tried &&
    left.confirm === (row.end === 'confirm' ? 1 : 0) &&
    left.cancel === (row.end === 'cancel' && tried === 1 ? 1 : 0) &&
    left.blindCancel === (row.blind ? 1 : 0)
  );
}
