/**
 * Which transaction the running code belongs to, carried through `await`, timers and events by Node's
 * AsyncLocalStorage.
 *
 * S1 It is for correlation only: nothing joins a transaction by it.
 * S2 A scope ends with its work: what the work left running, and did not await, sees none.
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

/**
 * The transaction that the running code belongs to: inside the callback of `run`, inside a handler of `addTcc`, and
 * inside a handler of a grpc-js server with `tercetServerInterceptor`. undefined = none. Has no effect.
 */
export function currentTransaction(): TransactionScope | undefined {
  const entry = storage.getStore();
  return entry?.open === true ? entry.scope : undefined;
}

/** Runs `work` inside `scope` until what it returned has settled. Settles as `work` does. */
export async function runInScope<T>(
  scope: TransactionScope,
  work: () => Promise<T> | T,
): Promise<T> {
  const entry: Entry = { scope, open: true };
  try {
    return await storage.run(entry, work);
  } finally {
    entry.open = false;
  }
}

/** A scope that callbacks enter one by one, for work that has no promise of its own. It never ends. */
export function eventScope(scope: TransactionScope): (work: () => void) => void {
  const entry: Entry = { scope, open: true };
  return (work) => storage.run(entry, work);
}
