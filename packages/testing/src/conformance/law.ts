/** What a law is made of. The laws themselves are in `laws`. */
import type { Subject } from './subject';
import type { Reference } from './reference';
import type { Stage } from './stage';

/** Numbers stay: a law that is dropped leaves a gap. */
export type LawId = `L${number}`;

/** One thing that a participant owes, checked for one action at a time. */
export interface Law {
  readonly id: LawId;
  /** A sentence that holds for a right participant. */
  readonly title: string;
  /** What it costs where the law does not hold. */
  readonly money: string;
  /** What to do then. */
  readonly mend: string;
  /** Why it cannot be checked on this participant; undefined = it can. Default: it always can. */
  readonly unchecked?: (subject: Subject) => string | undefined;
  /**
   * Drives the participant; L1 gives what the others compare with. Throws LawBroken; anything else that it throws is a
   * fault of what was given.
   */
  check(stage: Stage): Promise<Reference | void>;
}

/** What a broken law was seen by. */
export interface Seen {
  /** What was owed, in words. */
  readonly expected: string;
  /** What came instead: a sentence, or the places where states differ. */
  readonly found: readonly string[];
  /** A handler does not return: no other law of this action need be tried. Default false. */
  readonly hangs?: boolean;
}

/** Thrown within a law. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken';

  constructor(readonly seen: Seen) {
    super(`expected ${seen.expected}; found ${seen.found.join(', ')}`);
  }
}

/** Thrown within a law that finds out on its way that it does not apply. */
export class LawUnchecked extends Error {
  override readonly name = 'LawUnchecked';
}
