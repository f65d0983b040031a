/** What the store and its worker thread say to each other. Plain data: it crosses by structured clone. */
import type { GlobalStatus } from '@tercet/core';
import type { ListPosition } from '../list-page';
import type { BranchPayloads, DuePosition, Expired, ExpireQuery } from '../store';
import type { DueRow, FactsRow, LoadedRows } from '../rows/columns';
import type { TombstoneRow } from '../rows/tombstone-row';
import type { WireFailure } from './failures';

/**
 * What an operation of a batch does, and which words follow its number. A batch is one flat list of words: copying it
 * to another thread costs by the value, and an object costs as much as several.
 *
 * A registration is two words, specs (null = no branch) and the length of its payloads. Payloads and results lie in
 * `bytes`, in the order of the words.
 */
export const verb = {
  /** gid, run id, name, opened at, deadline, count of branches, details, states, specs, length, labels, name, value … */
  open: 0,
  /** gid, epoch, run id, count before, count, states, specs, length */
  extend: 1,
  /** gid, epoch, run id, count, decided at, length of the result or -1 */
  commit: 2,
  /** gid, epoch, run id, count, decided at, length of the result or -1, status, cause, reason, states */
  decide: 3,
  /** As `decide`, then finished at. */
  decideAndFinish: 4,
  /** gid, epoch, run id, count, states, status, next at */
  progress: 5,
  /** gid, epoch, run id, count, states, finished at */
  confirmed: 6,
  /** As `confirmed`. */
  cancelled: 7,
  /** gid, epoch */
  fence: 8,
  /** gid, epoch, run id, owner */
  take: 9,
} as const;

/** Number of an operation. */
export type Verb = (typeof verb)[keyof typeof verb];

/** A value of a batch. */
export type Word = string | number | null;

/** A batch. */
export interface WriteRequest {
  readonly kind: 'write';
  readonly words: readonly Word[];
  /** All payloads and results. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Answer to a batch in which not all guards matched, or some operation wants to know its row. */
export interface WriteReply {
  /** Numbers of the operations whose guard matched nothing. */
  readonly missed: readonly number[];
  /** The rows in question, read after the commit. */
  readonly facts: ReadonlyMap<string, FactsRow | undefined>;
}

/** A list, cursor decoded and texts cleaned. One row more than `limit` is read to see whether there are more. */
export interface ListRequest {
  readonly kind: 'list';
  readonly statuses: readonly GlobalStatus[];
  readonly name: string | undefined;
  readonly gidPrefix: string | undefined;
  readonly limit: number;
  readonly after: ListPosition | undefined;
}

/** One transaction; with an owner only where it is that one's and unfinished. */
export interface LoadRequest {
  readonly kind: 'load';
  readonly gid: string;
  readonly owner: string | undefined;
}

/** Several transactions; what is not kept is left out. */
export interface LoadManyRequest {
  readonly kind: 'load many';
  readonly gids: readonly string[];
}

/** A page of what is due for one owner. */
export interface DueRequest {
  readonly kind: 'due';
  readonly owner: string;
  readonly before: number;
  readonly after: DuePosition | undefined;
  readonly limit: number;
}

/** Everything the worker can be asked. `pragma` is for tests, which reach it through the store's hooks. */
export type Request =
  | { readonly kind: 'open'; readonly directory: string; readonly incarnation: string }
  | WriteRequest
  | { readonly kind: 'claim'; readonly incarnation: string; readonly limit: number }
  | { readonly kind: 'facts'; readonly gid: string }
  | LoadRequest
  | LoadManyRequest
  | { readonly kind: 'payloads'; readonly gid: string; readonly branchId: string }
  | { readonly kind: 'result'; readonly gid: string }
  | DueRequest
  | ListRequest
  | ({ readonly kind: 'expire' } & ExpireQuery)
  | { readonly kind: 'finished at'; readonly place: number }
  | {
      readonly kind: 'import tombstones';
      readonly owner: string;
      readonly rows: readonly TombstoneRow[];
    }
  | { readonly kind: 'probe' }
  | { readonly kind: 'pragma'; readonly text: string }
  | { readonly kind: 'close' };

/** The answers, by kind of request. */
export interface Replies {
  readonly open: void;
  /** Undefined = every operation took effect, and none asked. */
  readonly write: WriteReply | undefined;
  readonly claim: readonly LoadedRows[];
  readonly facts: FactsRow | undefined;
  readonly load: LoadedRows | undefined;
  readonly 'load many': readonly LoadedRows[];
  readonly payloads: BranchPayloads | undefined;
  readonly result: Uint8Array | undefined;
  readonly due: readonly DueRow[];
  readonly list: readonly unknown[];
  readonly expire: Expired;
  readonly 'finished at': number | undefined;
  readonly 'import tombstones': void;
  readonly probe: void;
  readonly pragma: readonly unknown[];
  readonly close: void;
}

/** A request under way. Numbers count up within one worker. */
export interface RequestMessage {
  readonly number: number;
  readonly request: Request;
}

/** Its answer. */
export type ReplyMessage =
  | { readonly number: number; readonly ok: true; readonly reply: Replies[Request['kind']] }
  | { readonly number: number; readonly ok: false; readonly failure: WireFailure };
