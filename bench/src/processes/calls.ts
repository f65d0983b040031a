/** What the processes of the benchmark answer each other: by name, what is asked and what is told; plain data both. */
import type { ServerStore, StoreKind, Until, Variant } from '../configurations';

/** A process's calls. */
export type Calls = Readonly<Record<string, { readonly ask: unknown; readonly tell: unknown }>>;

/** One call on its way to a process. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly ask: unknown;
}

/** Its answer. */
export type Told =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

/** What a process has used since it started: differences of two marks count. */
export interface Mark {
  /** The process's own clock, milliseconds. */
  readonly atMs: number;
  /** User and system time of all its threads, microseconds. */
  readonly cpuUs: number;
}

/** What the coordinator has written since it started. */
export interface CoordinatorMark extends Mark {
  /** Durable commits. */
  readonly commits: number;
  /** Operations in them: openings, decisions, completions. */
  readonly operations: number;
  /** Transactions that retention has made tombstones of. */
  readonly expired: number;
  /** Tombstones that it has removed. */
  readonly forgotten: number;
}

/** How long finished transactions are kept, ms. */
export interface Retention {
  readonly retentionMs: number;
  readonly idempotencyWindowMs: number;
}

/** What the load got done between `open` and `close`. */
export interface LoadMark extends Mark {
  /** Transactions that ended. */
  readonly transactions: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The coordinator's process. */
export type CoordinatorCalls = {
  /** Starts it. `place` is where SQLite puts its files, or the URL of a database; nothing for the memory. */
  readonly start: {
    readonly ask: {
      readonly store: StoreKind;
      readonly place: string;
      readonly deliver: 'auto' | 'unary';
      /** Undefined = the default. */
      readonly nodeTtlMs?: number;
      /** Undefined = the default. */
      readonly retention?: Retention | undefined;
    };
    readonly tell: { readonly address: string };
  };
  readonly mark: { readonly ask: undefined; readonly tell: CoordinatorMark };
};

/** What a server has been asked since it started: differences of two marks count. */
export interface QuestionsMark {
  /** The asking process's own clock, milliseconds. */
  readonly atMs: number;
  readonly questions: number;
}

/** A process that has a database server, or knows one that is there already. */
export type ServerCalls = {
  /** Starts it, durable as in production, with its data below `folder`. Resolves with why it cannot be had, empty = it runs. */
  readonly start: {
    readonly ask: { readonly kind: ServerStore; readonly folder: string };
    readonly tell: { readonly missing: readonly string[] };
  };
  /** Makes an empty database; its URL. */
  readonly database: { readonly ask: undefined; readonly tell: { readonly url: string } };
  /** Drops the database that was made last. */
  readonly drop: { readonly ask: undefined; readonly tell: undefined };
  /** Statements that clients have sent since the server started; undefined where it does not count them. */
  readonly questions: { readonly ask: undefined; readonly tell: QuestionsMark | undefined };
  /** Runs a statement in the database that was made last; its rows. */
  readonly query: {
    readonly ask: string;
    readonly tell: readonly Readonly<Record<string, unknown>>[];
  };
  /** Ends the server where it was started here. */
  readonly stop: { readonly ask: undefined; readonly tell: undefined };
};

/** How Confirm behaves: answers at once, never, or after some milliseconds. */
export type ConfirmBehaviour = 'answers' | 'hangs' | { readonly answersAfterMs: number };

/** Where a participant listens. */
export interface ParticipantAddress {
  /** With Tercet's SDK. */
  readonly target: string;
  /** The same methods by themselves, for the bare calls. */
  readonly plainTarget: string;
}

/** A process that serves some participants. */
export type ParticipantsCalls = {
  /** One participant for each port; 0 takes a free one. */
  readonly start: {
    readonly ask: { readonly ports: readonly number[] };
    readonly tell: readonly ParticipantAddress[];
  };
  /** From now on, all of them. */
  readonly behave: { readonly ask: ConfirmBehaviour; readonly tell: undefined };
  readonly mark: { readonly ask: undefined; readonly tell: Mark };
};

/** What the load does. */
export interface LoadPlan {
  readonly variant: Variant;
  readonly until: Until | null;
  /** Empty where there is none. */
  readonly coordinator: string;
  /** The branches go to these in turn. */
  readonly targets: readonly string[];
  readonly branches: number;
  /** From when on a transaction's time counts: its beginning, or the moment at which it asks for commit. */
  readonly timedFrom: 'begin' | 'commit';
}

/** Transactions that stop between their Tries and their commit. */
export interface HeldTransactions {
  /** Names the group. */
  readonly group: string;
  readonly count: number;
  /** One branch to each. */
  readonly targets: readonly string[];
}

/** The load generator's process. */
export type LoadCalls = {
  readonly connect: { readonly ask: LoadPlan; readonly tell: undefined };
  /** Starts that many workers; each runs one transaction after the other. */
  readonly start: { readonly ask: { readonly concurrency: number }; readonly tell: undefined };
  /** Forgets what was counted. */
  readonly open: { readonly ask: undefined; readonly tell: Mark };
  /** How many transactions ended since then. Rejects with what a failed one threw, like all that follow. */
  readonly done: { readonly ask: undefined; readonly tell: number };
  readonly close: { readonly ask: undefined; readonly tell: LoadMark };
  /** Ends the workers after their last transaction. */
  readonly stop: { readonly ask: undefined; readonly tell: undefined };
  /** Resolves when all Tries of the group are done. */
  readonly hold: { readonly ask: HeldTransactions; readonly tell: undefined };
  /** Commits the group; resolves when all are decided. */
  readonly release: { readonly ask: { readonly group: string }; readonly tell: undefined };
  /** Resolves when all of the group are settled, or the time is over: how many are. */
  readonly settled: {
    readonly ask: { readonly group: string; readonly timeoutMs: number };
    readonly tell: { readonly settled: number };
  };
  /** Begins a transaction every few milliseconds, each until it is decided, beside what is measured. */
  readonly trickle: {
    readonly ask: { readonly everyMs: number; readonly targets: readonly string[] };
    readonly tell: undefined;
  };
};
