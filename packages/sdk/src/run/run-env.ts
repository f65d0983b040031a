/** What the parts of one run share. */
import type { CoordinatorTransport } from '../coordinator/coordinator-transport';
import type { TimePorts } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import type { RegistrationBatch } from './registration-batch';
import type { RunControl } from './run-control';
import type { RunPlan } from './run-plan';
import type { Tries } from './tries';
import type { TryCaller } from './try-caller';

/** What every run of a client shares. */
export interface RunDeps extends TimePorts {
  readonly coordinator: CoordinatorTransport;
  readonly caller: TryCaller;
  /** Aborted when the client closes: waiting ends, undecided runs roll back. */
  readonly closing: AbortSignal;
  /** Aborted when the time for those rollbacks is over. */
  readonly closed: AbortSignal;
}

/** One run. */
export interface RunEnv extends RunDeps {
  readonly plan: RunPlan;
  readonly control: RunControl;
  readonly batch: RegistrationBatch;
  readonly tries: Tries;
  /** End of the run's phase one. */
  readonly deadline: Deadline;
}

/** Least time for a decision to be answered, where less of the run is left. */
export const DECISION_MS_MIN = 2_000;
