/**
 * The error catalogue: one row per code. The coordinator's transports, the SDK and the CLI only look it up, so
 * they cannot disagree; docs/errors.md is generated from it.
 */

/** Names of gRPC status codes that the catalogue uses; transports turn them into numbers. */
export type RpcStatusName =
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'CANCELLED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED';

/** One row of the catalogue. */
export interface ErrorEntry {
  /** gRPC status of the answer. */
  readonly rpc: RpcStatusName;
  /** Status of the same error on HTTP. */
  readonly http: number;
  /** Exit code of the `tercet` command. */
  readonly exit: number;
  /** Whether the same call, repeated later, may succeed. */
  readonly retryable: boolean;
  /** Text where the error brings none of its own. */
  readonly text: string;
  /** What the caller can do about it. */
  readonly hint: string;
}

/** The table. Codes are stable: they are never renamed and never reused. */
export const errorCatalogue = {
  INVALID_ARGUMENT: {
    rpc: 'INVALID_ARGUMENT',
    http: 400,
    exit: 2,
    retryable: false,
    text: 'The request is malformed.',
    hint: 'Mend the field that the message names and send the request again.',
  },
  NOT_BUILT_YET: {
    rpc: 'UNIMPLEMENTED',
    http: 501,
    exit: 1,
    retryable: false,
    text: 'This coordinator does not offer that yet.',
    hint: 'Leave the named field out, or run a coordinator that has it.',
  },
  TRANSACTION_NOT_FOUND: {
    rpc: 'NOT_FOUND',
    http: 404,
    exit: 4,
    retryable: false,
    text: 'No such transaction is kept.',
    hint: 'Check the gid (case matters) and the coordinator: another store has other transactions. Beyond the idempotency window finished ones are no longer kept: this does not say that it never happened.',
  },
  BRANCH_NOT_FOUND: {
    rpc: 'NOT_FOUND',
    http: 404,
    exit: 4,
    retryable: false,
    text: 'The transaction has no such branch.',
    hint: 'See `tercet tx get` for its branches.',
  },
  ANOTHER_RUN: {
    rpc: 'ALREADY_EXISTS',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Another run owns this gid.',
    hint: 'Wait for its outcome (WaitTransaction), or choose another gid for other work.',
  },
  GID_CONFLICT: {
    rpc: 'ALREADY_EXISTS',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'This gid belongs to other work.',
    hint: 'Choose a gid that no other kind of transaction uses, for example <name>-<id>.',
  },
  BRANCH_CONFLICT: {
    rpc: 'ALREADY_EXISTS',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'This branch id is registered with other content.',
    hint: 'Give each branch its own id; repeat a registration only with the same bytes.',
  },
  WRONG_RUN: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Only the run that opened the transaction may do that.',
    hint: 'Send the run_id of the registration that opened it.',
  },
  ALREADY_DECIDED: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The transaction is decided: no Try may be sent.',
    hint: 'Look at `status`; start a new transaction with another gid for new work.',
  },
  PHASE_ONE_OVER: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The time for phase one is over: no branch can be added.',
    hint: 'The transaction is about to be cancelled; start another one with a longer timeout.',
  },
  WRONG_STATUS: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The status of the transaction does not allow that.',
    hint: 'Look at `status`: a decision never changes, and before there is one no branch can be operated.',
  },
  BRANCHES_MISMATCH: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Commit does not list exactly the registered branches.',
    hint: 'List every registered branch whose Try succeeded, or roll back.',
  },
  BRANCH_PARKED: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The branch is parked: it is not called until an operator lets it.',
    hint: 'Mend what its last error names, then `tercet resume`; or `tercet resolve` it.',
  },
  LIMIT_EXCEEDED: {
    rpc: 'RESOURCE_EXHAUSTED',
    http: 429,
    exit: 6,
    retryable: true,
    text: 'A limit of the coordinator is reached.',
    hint: 'Send the request again later with jitter; see docs/config.md for the limit.',
  },
  STORE_UNAVAILABLE: {
    rpc: 'UNAVAILABLE',
    http: 503,
    exit: 6,
    retryable: true,
    text: 'The store takes no new work at the moment.',
    hint: 'Send the request again with jitter; the coordinator goes on by itself when its store is back.',
  },
  MOVED: {
    rpc: 'UNAVAILABLE',
    http: 503,
    exit: 6,
    retryable: true,
    text: 'The transaction has moved to another coordinator.',
    hint: 'Send the request again.',
  },
  SHUTTING_DOWN: {
    rpc: 'UNAVAILABLE',
    http: 503,
    exit: 6,
    retryable: true,
    text: 'The coordinator is stopping.',
    hint: 'Send the request again; another or the restarted coordinator answers it.',
  },
  COORDINATOR_UNAVAILABLE: {
    rpc: 'UNAVAILABLE',
    http: 503,
    exit: 6,
    retryable: true,
    text: 'The coordinator cannot be reached.',
    hint: 'Check that `tercet server` runs and that the address is right, then ask again by gid.',
  },
  DEADLINE_EXCEEDED: {
    rpc: 'DEADLINE_EXCEEDED',
    http: 504,
    exit: 6,
    retryable: true,
    text: 'The time for this call is over.',
    hint: 'Ask again by gid: the request may still have taken effect.',
  },
  CALL_CANCELLED: {
    rpc: 'CANCELLED',
    http: 499,
    exit: 130,
    retryable: true,
    text: 'The caller gave the call up.',
    hint: 'Ask again by gid: the request may still have taken effect.',
  },
  TRY_REJECTED: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'A participant refused its Try.',
    hint: 'Read the participant’s reason; nothing was applied.',
  },
  TRY_UNKNOWN: {
    rpc: 'ABORTED',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Nobody knows whether a Try was applied.',
    hint: 'The transaction is cancelled; run it again with a new gid when the participant is back.',
  },
  TRANSACTION_CANCELLED: {
    rpc: 'ABORTED',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The transaction was rolled back.',
    hint: 'Read `cause`: what failed first. Run it again with a new gid.',
  },
  ATTACHED: {
    rpc: 'ALREADY_EXISTS',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Another run of this gid does the work; this one only waits for its outcome.',
    hint: 'Let the error pass: `run` answers with the other run’s outcome.',
  },
  TRANSACTION_PENDING: {
    rpc: 'DEADLINE_EXCEEDED',
    http: 504,
    exit: 6,
    retryable: true,
    text: 'The awaited fact does not hold yet.',
    hint: 'Wait again, or look at the pending branches.',
  },
  TRANSACTION_STUCK: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'A branch needs an operator.',
    hint: 'See `tercet stuck`.',
  },
  BARRIER_CONFLICT: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'A participant’s barrier found a contradiction.',
    hint: 'Compare the barrier rows of the branch with `tercet tx get`.',
  },
  BARRIER_UNAVAILABLE: {
    rpc: 'UNAVAILABLE',
    http: 503,
    exit: 6,
    retryable: true,
    text: 'A participant’s barrier could not carry a call out.',
    hint: 'Mend what the message names (table, pool, server or handler); the call comes again by itself.',
  },
  CONFIG_INVALID: {
    rpc: 'INVALID_ARGUMENT',
    http: 400,
    exit: 2,
    retryable: false,
    text: 'The configuration is wrong.',
    hint: 'Mend each option that the message lists; see docs/config.md.',
  },
  STORE_IN_USE: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'Another process holds the store.',
    hint: 'Stop the other coordinator, or give this one a store of its own (--data-dir, --store).',
  },
  STORE_NOT_EMPTY: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The store keeps transactions already.',
    hint: 'Name an empty one: a folder that does not exist, or a database that was just made.',
  },
  STORE_INCOMPATIBLE: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The store was written by a newer version.',
    hint: 'Run a coordinator of at least that version.',
  },
  STORE_CORRUPT: {
    rpc: 'INTERNAL',
    http: 500,
    exit: 1,
    retryable: false,
    text: 'The store cannot be read.',
    hint: 'Keep the files; see docs/operations/restore.md before anything is restored.',
  },
  ADDRESS_IN_USE: {
    rpc: 'FAILED_PRECONDITION',
    http: 409,
    exit: 5,
    retryable: false,
    text: 'The address is in use.',
    hint: 'Stop the process that listens there, or choose another port.',
  },
  INTERNAL: {
    rpc: 'INTERNAL',
    http: 500,
    exit: 1,
    retryable: false,
    text: 'Something unexpected went wrong in the coordinator.',
    hint: 'Look for the error id in the coordinator’s log.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable error code: a key of the catalogue. */
export type ErrorCode = keyof typeof errorCatalogue;

/** Whether `text` is a code of the catalogue. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}

/** What an error carries besides its code; everything has a default from the catalogue. */
export interface TercetErrorInit {
  /** Text for people. Default: the catalogue's. */
  readonly message?: string;
  /** Facts for programs, all strings: `gid`, `status`, `field`. */
  readonly details?: Readonly<Record<string, string>>;
  /** What led to it. */
  readonly cause?: unknown;
}

/** The base of all expected errors. `code` is stable, the text is not. */
export class TercetError extends Error {
  override readonly name: string = 'TercetError';
  /** Facts for programs. */
  readonly details: Readonly<Record<string, string>>;

  constructor(
    readonly code: ErrorCode,
    init: TercetErrorInit = {},
  ) {
    super(
      init.message ?? errorCatalogue[code].text,
      init.cause === undefined ? {} : { cause: init.cause },
    );
    this.details = init.details ?? {};
  }

  /** Whether the same call, repeated later, may succeed. */
  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }

  /** What the caller can do about it. */
  get hint(): string {
    return errorCatalogue[this.code].hint;
  }

  /** The gid concerned, where the error is about one. */
  get gid(): string | undefined {
    return this.details['gid'];
  }
}

/** The only catch-all: what is no TercetError becomes INTERNAL, the original its cause. */
export function toTercetError(error: unknown): TercetError {
  if (error instanceof TercetError) return error;
  return new TercetError('INTERNAL', { cause: error });
}
