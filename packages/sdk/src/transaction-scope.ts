/**
 * Which transaction the running code belongs to, carried through `await`, timers and events by Node's
 * AsyncLocalStorage.
 *
 * S1 It is for correlation only: nothing joins a transaction by it.
 * S2 A scope ends with its work: what the work left running, and did not await, sees none.
 * S3 Before Node 24 it is carried from the first question on. There it hooks every promise of the process: that took 40 µs
 *    of CPU of a run over streams, and more than half of the throughput where calls are unary. Nobody who asks in the same
 *    turn in which a callback or handler started notices; a first question behind an `await` finds nothing, once.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Phase, TraceContext } from '@tercet/core';

/** The transaction that the running code belongs to. */
export interface TransactionScope {
  readonly gid: string;
  readonly runId: string;
  /** In a handler of `addTcc`: the branch; else undefined. */
  readonly branchId?: string | undefined;
  /** In a handler of `addTcc`: the phase; else undefined. */
  readonly phase?: Phase | undefined;
  /** Trace context of the run; undefined = it has none. */
  readonly trace?: TraceContext | undefined;
  /** In a handler: when its caller stops waiting, Unix milliseconds; undefined = it does not say. A `run` keeps it. */
  readonly deadline?: number | undefined;
}

interface Entry {
  readonly scope: TransactionScope;
  open: boolean;
}

// One per process: the code that asks is not called by the code that knows.
const storage = new AsyncLocalStorage<Entry>();

/** Node 24 carries a scope with the promise itself, at next to no cost. */
const cheap = Number(process.versions.node.split('.')[0]) >= 24;

/** What has to be carried. */
const carried = { runs: cheap, handlers: cheap };
/** The scope whose work is just being started, where it is not carried, and what was carried when it started. */
let starting: { readonly entry: Entry; readonly around: Entry | undefined } | undefined;

/**
 * The transaction that the running code belongs to: inside the callback of `run`, inside a handler of `addTcc`, and
 * inside a handler of a grpc-js server with `tercetServerInterceptor`. undefined = none.
 *
 * Before Node 24 transactions are followed from the first call of this function on, because following them costs; ask
 * once when the process starts if even the first one has to be seen behind an `await`.
 */
export function currentTransaction(): TransactionScope | undefined {
  if (!carried.runs) {
    carried.runs = true;
    carried.handlers = true;
    // From here on the callback that asks is followed, too.
    const entry = entryNow();
    if (entry !== undefined && entry === starting?.entry) storage.enterWith(entry);
  }
  return scopeNow();
}

/** The same, as far as it is carried: asking changes nothing. */
export function scopeNow(): TransactionScope | undefined {
  const entry = entryNow();
  return entry?.open === true ? entry.scope : undefined;
}

/** The innermost one: what is being started, unless something that is carried was entered since. */
function entryNow(): Entry | undefined {
  const carriedOne = storage.getStore();
  return starting !== undefined && carriedOne === starting.around ? starting.entry : carriedOne;
}

/** A client exists: its runs keep the deadline of the call that they are made in, so handlers' scopes are carried. */
export function carryHandlers(): void {
  carried.handlers = true;
}

/** Runs `work` inside `scope` until what it returned has settled. Settles as `work` does. */
export async function runInScope<T>(
  scope: TransactionScope,
  work: () => Promise<T> | T,
): Promise<T> {
  const entry: Entry = { scope, open: true };
  try {
    const carry = scope.phase === undefined ? carried.runs : carried.handlers;
    return await (carry ? storage.run(entry, work) : started(entry, work));
  } finally {
    entry.open = false;
  }
}

/** Starts `work`; until it awaits, its scope is known without being carried (S3). */
function started<T>(entry: Entry, work: () => T): T {
  const outer = starting;
  const before = entryNow();
  starting = { entry, around: storage.getStore() };
  try {
    return work();
  } finally {
    starting = outer;
    // It asked: what follows here is not its work any more.
    if (storage.getStore() === entry) storage.enterWith(before as unknown as Entry);
  }
}

/** A scope that callbacks enter one by one, for work that has no promise of its own. It never ends. */
export function eventScope(scope: TransactionScope): (work: () => void) => void {
  const entry: Entry = { scope, open: true };
  return (work) => storage.run(entry, work);
}
