/**
 * The participant's guard: one call of a branch has its effect exactly once, in one local transaction with the barrier's
 * own row. `addTcc` hands every call to it; adapters for databases make one.
 *
 * The key is (run, branch, slot). Slot `try` is taken before slot `end`, by every phase:
 *
 * | call    | rows found                     | end of the call                                                      |
 * |---------|--------------------------------|----------------------------------------------------------------------|
 * | Try     | none                           | its work is done                                                     |
 * | Try     | `try` of a Try                 | duplicate, answered with the stored reply; `late` where `end` = cancel |
 * | Try     | `try` as marker of a Cancel    | late                                                                 |
 * | Confirm | `try` of a Try, no `end`       | its work is done                                                     |
 * | Confirm | no `try`, or only a marker     | conflict: never tried, or cleaned up                                 |
 * | Cancel  | no `try`                       | marker and `end` written; empty, or its work is done (`call`)        |
 * | Cancel  | `try` of a Try, no `end`       | its work is done                                                     |
 * | either  | `end` of the same phase        | duplicate                                                            |
 * | either  | `end` of the other phase       | conflict, nothing is written                                         |
 * | any     | a row that was never finished  | conflict: the handler ended the local transaction itself             |
 *
 * A row is finished when it has its reply. One that is committed without was left by a handler that committed by itself: what it did
 * may be half done, so nothing is built on it.
 */

/** What a Cancel does whose Try left no trace. `skip`: nothing. `call`: its handler is called, `ctx.tryObserved` false. */
export type CancelWhenTryUnknown = 'skip' | 'call';

/** One call of a branch, as a barrier sees it. */
export interface BarrierCall {
  /** 32 hex digits. With `branchId` and the slot the key of a row. */
  readonly runId: string;
  readonly branchId: string;
  readonly gid: string;
  /** `shop.StockTcc`, for messages. */
  readonly service: string;
  /** Name of the action in the definition. */
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  /** 1 for the first call of this phase. */
  readonly attempt: number;
  /** Unix ms at which the caller stops waiting; undefined = it named none. */
  readonly deadline: number | undefined;
  /** Whether the caller has given up by now. Nothing new starts for it; what was begun is rolled back. */
  readonly givenUp: () => boolean;
  readonly cancelWhenTryUnknown: CancelWhenTryUnknown;
  /** The bytes of a reply of this phase, as the method's own serializer makes them. Throws an Error that names the handler. */
  readonly encodeReply: (reply: unknown) => Uint8Array;
}

/** What the Try of a branch left for its phase two and for its duplicates. */
export interface StoredTry {
  /** The bytes of its reply, at most `REPLY_BYTES_MAX`. */
  readonly reply: Uint8Array;
  /** What the SDK keeps beside it: `ctx.save`, and the nested branches of the Try. undefined = nothing. */
  readonly note: Uint8Array | undefined;
}

/** What the work of a call is given: the local transaction is open, the call's row is in it. */
export interface OpenedCall<Db> {
  /** What the handler gets as `ctx.db`. */
  readonly db: Db;
  /** In Confirm and Cancel: what Try left. undefined in Try, and where no Try was observed. */
  readonly tried: StoredTry | undefined;
}

/** What the work of a call came to. */
export interface WorkDone {
  /** At most `REPLY_BYTES_MAX`. */
  readonly reply: Uint8Array;
  /** In Try: kept beside the reply. At most `NOTE_BYTES_MAX`. */
  readonly note: Uint8Array | undefined;
}

/**
 * The handler, with everything around it. Called once for each local transaction: again, from the beginning, after a
 * deadlock or a serialisation failure. What it throws rolls the transaction back and is what `carryOut` rejects with.
 */
export type BarrierWork<Db> = (opened: OpenedCall<Db>) => Promise<WorkDone>;

/** How a call ended. Every end but `late` and `conflict` is OK for the caller. */
export type BarrierEnd =
  /** The work was done and is committed. */
  | { readonly kind: 'done'; readonly reply: Uint8Array; readonly note: Uint8Array | undefined }
  /** It was done before: the stored answer of then. */
  | {
      readonly kind: 'duplicate';
      readonly reply: Uint8Array;
      readonly note: Uint8Array | undefined;
    }
  /** A Cancel whose Try left no trace: nothing was to be done, and a later Try is kept out. */
  | { readonly kind: 'empty' }
  /** A Try after the Cancel of its branch. */
  | { readonly kind: 'late' }
  /** A contradiction; nothing was written. `message` says what was found. */
  | { readonly kind: 'conflict'; readonly message: string };

/** A barrier in one database. `Db` is what handlers work with: an open transaction of the user's own library. */
export interface Barrier<Db> {
  /** For messages: `knex`, `mysql2`, `pg`, `sqlite`, `redis`. */
  readonly name: string;
  /** How long a finished branch is remembered at least, in ms. Announced to callers. */
  readonly retentionMs: number;
  /**
   * Carries out one call. Resolves after COMMIT was answered with OK, or where nothing had to be done. Rejects with what
   * `work` threw, after ROLLBACK; with TccRetry where the row stayed locked (nothing of this attempt was applied); with
   * BarrierError otherwise, where nobody may know whether it was applied. Safe to repeat with the same call.
   */
  carryOut(call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd>;
  /** Whether the table is there, of this version, and usable. Rejects with BarrierError that says what is missing and how to make it. */
  check(): Promise<void>;
  /** Creates or updates the table. Safe to repeat, and for several processes at once. Redis: nothing to do. */
  migrate(): Promise<void>;
  /**
   * Removes the rows of branches that ended longer than the retention ago, in small batches, never a `try` without `end`.
   * Resolves with how many rows went. Happens by itself too, once an hour while calls come. Redis: keys expire instead.
   */
  cleanUp(): Promise<number>;
}

/** Most bytes of a note: what `ctx.save` can keep. */
export const NOTE_BYTES_MAX = 65_536;
/** Most bytes of a reply that is stored: what gRPC carries in one message by default. */
export const REPLY_BYTES_MAX = 4_194_304;
/** Rows are kept for 30 days. */
export const RETENTION_MS_DEFAULT = 2_592_000_000;
