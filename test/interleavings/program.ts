/**
 * Random programs: what callers do to the branches of one run, and what goes wrong meanwhile. The same seed gives the same
 * program; what a database makes of calls that overlap is its own affair.
 */
import { SeededRandom } from '@tercet/core/testing';

/** What goes wrong in one call. */
export type Mishap =
  | 'none'
  /** The handler throws before it has done anything. */
  | 'throws'
  /** The participant dies between the two statements of the handler: ROLLBACK. */
  | 'dies midway'
  /** The participant dies after the handler, before COMMIT. */
  | 'dies before COMMIT'
  /** The server ends the connection between the two statements. */
  | 'loses its connection';

/** One call. */
export interface Step {
  readonly phase: 'try' | 'confirm' | 'cancel';
  /** `1` or `2`. */
  readonly branchId: string;
  /** Leaves while the one before it may be under way; otherwise all earlier ones have ended. */
  readonly together: boolean;
  /** Leaves so much later. */
  readonly delayMs: number;
  /** How long its handler takes between its two statements. */
  readonly workMs: number;
  readonly mishap: Mishap;
}

/** What is played. */
export interface Program {
  readonly seed: number;
  /** Which of the given isolation levels, from 0; taken modulo their number. */
  readonly level: number;
  readonly cancelWhenTryUnknown: 'skip' | 'call';
  readonly steps: readonly Step[];
}

const STEPS_MIN = 3;
const STEPS_MAX = 9;
const phases = ['try', 'try', 'confirm', 'cancel', 'cancel'] as const;
const mishaps = ['throws', 'dies midway', 'dies before COMMIT', 'loses its connection'] as const;

/** The program of a seed. */
export function programOf(seed: number): Program {
  const random = new SeededRandom(seed);
  const pick = <T>(of: readonly [T, ...T[]]): T =>
    of[Math.floor(random.unit() * of.length)] ?? of[0];
  const branches = pick([['1'], ['1'], ['1', '2']] as const);
  const steps = Array.from(
    { length: STEPS_MIN + Math.floor(random.unit() * (STEPS_MAX - STEPS_MIN + 1)) },
    (): Step => ({
      phase: pick(phases),
      branchId: pick(branches),
      together: random.unit() < 0.6,
      delayMs: random.unit() < 0.5 ? 0 : Math.floor(random.unit() * 4),
      workMs: random.unit() < 0.5 ? 0 : Math.floor(random.unit() * 4),
      mishap: random.unit() < 0.25 ? pick(mishaps) : 'none',
    }),
  );
  const cancelWhenTryUnknown = random.unit() < 0.8 ? 'skip' : 'call';
  return { seed, level: Math.floor(random.unit() * 12), cancelWhenTryUnknown, steps };
}
