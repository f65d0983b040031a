/** What the store and its worker thread say to each other. Plain data: it crosses by structured clone. */
import type { GlobalStatus } from '@tercet/core';
import type { ListPosition } from '../list-page';
import type { DuePosition } from '../store';
import type { DueRow, FactsRow, LoadedRows, PayloadsRow } from './columns';
import type { SqlValue } from './driver';
import type { WireFailure } from './failures';
import type { StatementName } from './statements';

/** One prepared statement with its values. */
export interface EncodedStatement {
  readonly name: StatementName;
  readonly values: readonly SqlValue[];
}

/** An operation as SQL: `rest` runs only where `guard` matched a row. */
export interface EncodedOperation {
  readonly gid: string;
  /** Whether the row is wanted however the guard ends. */
  readonly asksRow: boolean;
  readonly guard: EncodedStatement;
  readonly rest: readonly EncodedStatement[];
}

/** Answer to a write: which guards matched, and the rows in question, read after the commit. */
export interface WriteReply {
  readonly matched: readonly boolean[];
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
  | { readonly kind: 'open'; readonly directory: string }
  | { readonly kind: 'write'; readonly operations: readonly EncodedOperation[] }
  | { readonly kind: 'claim'; readonly incarnation: string; readonly limit: number }
  | LoadRequest
  | { readonly kind: 'payloads'; readonly gid: string; readonly branchId: string }
  | { readonly kind: 'result'; readonly gid: string }
  | DueRequest
  | ListRequest
  | { readonly kind: 'probe' }
  | { readonly kind: 'pragma'; readonly text: string }
  | { readonly kind: 'close' };

/** The answers, by kind of request. */
export interface Replies {
  readonly open: void;
  readonly write: WriteReply;
  readonly claim: readonly LoadedRows[];
  readonly load: LoadedRows | undefined;
  readonly payloads: PayloadsRow | undefined;
  readonly result: Uint8Array | undefined;
  readonly due: readonly DueRow[];
  readonly list: readonly unknown[];
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
