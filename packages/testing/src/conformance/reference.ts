/**
 * Undisturbed runs: one call after the other, nothing twice, nothing failing. Every law compares with their states.
 *
 * R1 `reset` brings back what was there, and the same calls come to the same state: else there is nothing to compare.
 */
import { ConfigError } from '@tercet/sdk';
import type { BranchCalls } from './branch-calls';
import type { Captured } from './captured';
import { differences } from './difference';
import type { Stage } from './stage';

/** Which requests, in which end: `{ tried: [2] }` = Try of request 2 and nothing else. */
export interface Course {
  readonly tried?: readonly number[];
  readonly confirmed?: readonly number[];
}

/** How many requests a user's generator must have room for at once. */
export const REQUESTS_AT_ONCE = 4;

const all = Array.from({ length: REQUESTS_AT_ONCE }, (_, i) => i + 1);

/** Every course that a law compares with. */
const courses: readonly Course[] = [
  { tried: [1] },
  { confirmed: [1] },
  { tried: [2] },
  { confirmed: [2] },
  { tried: [1, 2] },
  { confirmed: [1, 2] },
  { tried: all },
];

/** The states of one action's undisturbed runs. */
export class Reference {
  private constructor(
    /** The state after `reset`. */
    readonly before: Captured,
    private readonly states: ReadonlyMap<string, Captured>,
  ) {}

  /** Plays them. Throws LawBroken where a call is not answered OK, ConfigError where the states are no good to compare. */
  static async of(stage: Stage): Promise<Reference> {
    await stage.begin();
    const before = await stage.state();
    const states = new Map<string, Captured>();
    // The first ones twice: two runs of the same must come to the same.
    for (const course of [...courses.slice(0, 2), ...courses]) {
      const state = await played(stage, course, before);
      const earlier = states.get(keyOf(course));
      if (earlier !== undefined) mustBeSame(earlier, state);
      states.set(keyOf(course), state);
    }
    const reference = new Reference(before, states);
    reference.mustShow(stage);
    return reference;
  }

  /** The state after a course. */
  after(course: Course): Captured {
    const key = keyOf(course);
    if (!this.states.has(key)) throw new Error(`no undisturbed run of ${key}`);
    return this.states.get(key);
  }

  private mustShow(stage: Stage): void {
    const ends = [this.after({ tried: [1] }), this.after({ confirmed: [1] })];
    if (ends.some((end) => differences(this.before, end).length > 0)) return;
    throw new ConfigError(
      `checkParticipant: neither Try nor Confirm of ${stage.action.name} changes what snapshot returns; let it return the balances, stock or reservations that they change`,
      { option: 'snapshot' },
    );
  }
}

async function played(stage: Stage, course: Course, before: Captured): Promise<Captured> {
  await stage.begin();
  const start = differences(before, await stage.state());
  if (start.length > 0) {
    throw new ConfigError(
      `checkParticipant: reset does not bring the first state back: ${start.join('; ')}`,
      { option: 'reset' },
    );
  }
  const { tried = [], confirmed = [] } = course;
  for (const n of [...tried, ...confirmed]) {
    const branch = stage.branch({ n });
    await accepted(stage, branch, n);
    if (confirmed.includes(n)) await branch.done('confirm');
  }
  return stage.state();
}

async function accepted(stage: Stage, branch: BranchCalls, n: number): Promise<void> {
  const answer = await branch.call('try');
  if (answer.verdict === 'reject') {
    throw new ConfigError(
      `checkParticipant: Try of ${stage.action.name} rejected requests.${stage.action.name}(${n}): ${answer.message}; after reset requests 1 to ${REQUESTS_AT_ONCE} must all be accepted, one after the other`,
      { option: 'requests' },
    );
  }
  if (!answer.ok) await branch.done('try');
}

function mustBeSame(earlier: Captured, later: Captured): void {
  const found = differences(earlier, later);
  if (found.length === 0) return;
  throw new ConfigError(
    `checkParticipant: two runs of the same calls end in different states: ${found.join('; ')}; leave out of snapshot what may differ (made ids, times, order of rows)`,
    { option: 'snapshot' },
  );
}

function keyOf({ tried = [], confirmed = [] }: Course): string {
  return `tried ${tried.join()} confirmed ${confirmed.join()}`;
}
