/** The participant of the interleavings, as each kind of database makes it. */
import type { Barrier, OpenedCall, StoredTry, WorkDone } from '@tercet/sdk';
import type { Effects } from './history';
import type { Step } from './program';

/** Where a program works: rows of its own. */
export interface Place {
  readonly runId: string;
  readonly step: Step;
  /** What the work answers. */
  readonly reply: string;
}

/** What one program has left. */
export interface Left {
  /** By branch. */
  readonly effects: Readonly<Record<string, Effects>>;
  /** The balances, which both branches share. */
  readonly free: number;
  readonly held: number;
  readonly sold: number;
}

/** Stands for the death of the participant. */
export class Death extends Error {
  override readonly name = 'Death';
}

/** A barrier, and work through it. */
export interface Level<Db> {
  /** `READ COMMITTED`. */
  readonly name: string;
  readonly barrier: Barrier<Db>;
}

/** A participant in one database. */
export interface Business<Db> {
  /** The same tables at every isolation level that the database has. */
  readonly levels: readonly Level<Db>[];
  /** Makes the rows of a run: 100 free. */
  open(runId: string): Promise<void>;
  /** The work of one call: two statements, with the mishap between them. */
  work(opened: OpenedCall<Db>, place: Place): Promise<WorkDone>;
  /** Throws where Try's note, which is the text of its reply, is not what it must be. */
  checkNote(tried: StoredTry, reply: string): void;
  /** What a run has left. */
  left(runId: string): Promise<Left>;
  close(): Promise<void>;
}

/** Which balances a work changes, by one. */
export const moves = {
  try: ['free', 'held'],
  confirm: ['held', 'sold'],
  cancel: ['held', 'free'],
} as const;

/** The kind of effect: a Cancel that saw no Try gives nothing back. */
export function effectOf({ tried }: OpenedCall<unknown>, { phase }: Step): keyof Effects {
  return phase === 'cancel' && tried === undefined ? 'blindCancel' : phase;
}

/** Counts rows of effects. */
export function effectsOf(
  rows: readonly { readonly branch: string; readonly what: string }[],
): Readonly<Record<string, Effects>> {
  const counted = (branch: string): Effects => {
    const of = (what: string): number =>
      rows.filter((row) => row.branch === branch && row.what === what).length;
    return {
      try: of('try'),
      confirm: of('confirm'),
      cancel: of('cancel'),
      blindCancel: of('blindCancel'),
    };
  };
  return { '1': counted('1'), '2': counted('2') };
}

/** The note that came with a reply. */
export function mustBeNote({ note }: StoredTry, reply: string): void {
  const text = note === undefined ? 'nothing' : Buffer.from(note).toString();
  if (text !== reply) throw new Error(`the note of the Try is ${text}, its reply ${reply}`);
}
