/** What the parts of one run share. */
import type { CallSignal } from '@tercet/core';
import type { CoordinatorTransport } from '../coordinator/coordinator-transport';
import type { TimePorts } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import type { TercetInterceptor } from '../interceptors';
import type { WarningListener } from '../warnings';
import type { RegistrationBatch } from './registration-batch';
import type { RunControl } from './run-control';
import type { RunPlan } from './run-plan';
import type { Tries } from './tries';
import type { TryCaller } from './try-caller';

/** What every run of a client shares. */
export interface RunDeps extends TimePorts {
  readonly coordinator: CoordinatorTransport;
  readonly caller: TryCaller;
  readonly interceptors: readonly TercetInterceptor[];
  readonly onWarning: WarningListener | undefined;
  /** Aborted when the client closes: waiting ends, undecided runs roll back. */
  readonly closing: CallSignal;
  /** Aborted when the time for those rollbacks is over. */
  readonly closed: CallSignal;
}

/** One run. */
export interface RunEnv extends RunDeps {
  readonly plan: RunPlan;
  readonly control: RunControl;
  readonly batch: RegistrationBatch;
  readonly tries: Tries;
  /** End of the run's phase one. */
  readonly deadline: Deadline;
  /** When the run's own caller stops waiting; undefined = it does not say. */
  readonly callerDeadline: Deadline | undefined;
}

/** How long the run waits for Confirm or Cancel once it is decided, milliseconds. */
export function phaseTwoWaitMs({ plan, callerDeadline }: RunEnv): number {
  return Math.min(plan.phaseTwoWaitMs, callerDeadline?.leftMs() ?? plan.phaseTwoWaitMs);
}

/** Least time for a decision to be answered, where less of the run is left. */
export const DECISION_MS_MIN = 2_000;
