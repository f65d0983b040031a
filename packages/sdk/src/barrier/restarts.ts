/**
 * A deadlock or a serialisation failure is nobody's fault: the whole local transaction begins again, the handler included.
 *
 * R3 At most ten times, and only until half of the time that the caller had left when the call came: the other half is
 *    for the last attempt. Afterwards nobody may conclude anything: BarrierError.
 * R4 Nothing begins for a caller that has given up.
 */
import { type Clock, nextDelayMs, type Random, type Scheduler } from '@tercet/core';
import { BarrierError, textOfCause } from '../errors';
import type { BarrierCall } from './barrier';
import { labelOf } from './rules';

/** Thrown within a local transaction that is to begin again. Never leaves the barrier. */
export class RestartNeeded extends Error {
  override readonly name = 'RestartNeeded';

  constructor(reason: string, cause?: unknown) {
    super(reason, { cause });
  }
}

/** What restarts need. */
export interface RestartDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
}

const RESTARTS_MAX = 10;
/** Short: the other side of a deadlock is one local transaction long. */
const PAUSES = { firstDelayMs: 10, maxDelayMs: 250 };

/** Does `once`, again and again while it throws RestartNeeded. Rejects with what else it throws, or BarrierError. */
export async function withRestarts<T>(
  deps: RestartDeps,
  call: BarrierCall,
  once: () => Promise<T>,
): Promise<T> {
  const until = lastRestartAt(call, deps.clock.now());
  for (let restarts = 0; ; restarts += 1) {
    refuseGivenUp(call);
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof RestartNeeded)) throw error;
      const pauseMs = nextDelayMs(PAUSES, restarts + 1, deps.random);
      if (restarts >= RESTARTS_MAX || deps.clock.now() + pauseMs > until) {
        throw noMoreRestarts(call, { restarts, error });
      }
      await pause(deps.scheduler, pauseMs);
    }
  }
}

const REPEATS_MAX = 5;

/** Does `once`, up to five times more while `passes` says of its error that it passes. For what belongs to no call. */
export async function withRepeats<T>(
  deps: RestartDeps,
  passes: (error: unknown) => boolean,
  once: () => Promise<T>,
): Promise<T> {
  for (let repeats = 0; ; repeats += 1) {
    try {
      return await once();
    } catch (error) {
      if (repeats >= REPEATS_MAX || !passes(error)) throw error;
      await pause(deps.scheduler, nextDelayMs(PAUSES, repeats + 1, deps.random));
    }
  }
}

function pause(scheduler: Scheduler, ms: number): Promise<void> {
  return new Promise((resolve) => void scheduler.after(ms, resolve));
}

/** Throws where the caller waits no more. */
export function refuseGivenUp(call: BarrierCall): void {
  if (!call.givenUp()) return;
  throw new BarrierError(
    `${labelOf(call)} was given up by its caller; this attempt has changed nothing`,
    { details: detailsOf(call) },
  );
}

/** Facts of a call for a BarrierError. */
export function detailsOf(call: BarrierCall): Readonly<Record<string, string>> {
  const { gid, runId, branchId, action, phase } = call;
  return { gid, run_id: runId, branch_id: branchId, action, phase };
}

function lastRestartAt({ deadline }: BarrierCall, now: number): number {
  return deadline === undefined ? Infinity : now + (deadline - now) / 2;
}

function noMoreRestarts(
  call: BarrierCall,
  last: { readonly restarts: number; readonly error: RestartNeeded },
): BarrierError {
  const cause = last.error.cause ?? last.error;
  return new BarrierError(
    `${labelOf(call)} met deadlocks or serialisation failures ${last.restarts + 1} times and has no time or restart left ` +
      `(${textOfCause(cause)}): keep local transactions short, and take rows in one order in every handler`,
    { details: detailsOf(call), cause },
  );
}
