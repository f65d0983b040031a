/** What every barrier can be told, and its defaults. */
import type { Clock, Random, Scheduler } from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { type Duration, millisecondsOf } from '../duration';
import { namesOf, refuseUnknown } from '../known-options';
import type { WarningListener } from '../warnings';
import { RETENTION_MS_DEFAULT } from './barrier';

/** Options that all barriers have. */
export interface BarrierOptions {
  /**
   * How long a finished branch is remembered at least, 1 hour to 10 years. Default: 30 days. Must be longer than anybody may
   * repeat a call: afterwards a Confirm is a conflict, and a Cancel finds no Try.
   */
  readonly retention?: Duration;
  /** Hears of what went wrong beside the work (`BARRIER_NOT_CLEANED`). Default: nobody. */
  readonly onWarning?: WarningListener;
  /** For tests. Default: the system's. */
  readonly clock?: Clock;
  /** For tests: jitter. Default: the system's. */
  readonly random?: Random;
  /** For tests: pauses before restarts. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** The options, checked and complete. */
export interface BarrierSettings {
  readonly retentionMs: number;
  readonly onWarning: WarningListener | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
}

/** Ten years: above it no limit is meant. */
const RETENTION_MS_MAX = 315_360_000_000;
/** An hour: below it rows would go while a coordinator still repeats its calls. */
const RETENTION_MS_MIN = 3_600_000;

const optionNames = namesOf<BarrierOptions>({
  retention: true,
  onWarning: true,
  clock: true,
  random: true,
  scheduler: true,
});

/**
 * Checks the options. `more` are the names of options that the adapter reads itself. Throws ConfigError that names `barrier` (such as
 * `knexBarrier`) and the option.
 */
export function barrierSettings(
  barrier: string,
  options: BarrierOptions,
  more: readonly string[] = [],
): BarrierSettings {
  refuseUnknown(barrier, options, [...optionNames, ...more]);
  const range = { min: RETENTION_MS_MIN, max: RETENTION_MS_MAX };
  const { retention = RETENTION_MS_DEFAULT } = options;
  return {
    retentionMs: millisecondsOf(`${barrier}: retention`, retention, range),
    onWarning: options.onWarning,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    scheduler: options.scheduler ?? systemScheduler,
  };
}
