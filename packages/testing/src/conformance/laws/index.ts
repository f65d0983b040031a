/** Every law but L1, the undisturbed run with which they compare, in the order of their numbers. */
import type { Law } from '../law';
import { crowd, otherRuns, siblings } from './company';
import * as crashes from './crashes';
import * as duplicates from './duplicates';
import { givesBack, rejectedTry } from './giving-back';
import * as order from './order';

/** All laws but L1. */
export const laws: readonly Law[] = [
  givesBack,
  duplicates.repeatedTry,
  duplicates.sameReply,
  duplicates.racingTries,
  duplicates.repeatedConfirm,
  duplicates.racingConfirms,
  duplicates.repeatedCancel,
  duplicates.racingCancels,
  order.emptyCancel,
  order.lateTry,
  order.tryRacingCancel,
  order.contradiction,
  order.confirmRacingCancel,
  order.confirmWithoutTry,
  crashes.crashBeforeCommitOfTry,
  crashes.crashAfterCommitOfTry,
  crashes.crashBeforeCommitOfConfirm,
  crashes.crashAfterCommitOfConfirm,
  crashes.crashBeforeCommitOfCancel,
  crashes.crashAfterCommitOfCancel,
  crashes.crashWithinTry,
  crashes.crashWithinEnd,
  crashes.failingTry,
  crashes.failingEnd,
  rejectedTry,
  siblings,
  otherRuns,
  crowd,
];
