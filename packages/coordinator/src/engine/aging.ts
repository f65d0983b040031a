/**
 * Branches that grow older than their participant's memory. A barrier forgets a finished branch after its retention: a
 * Confirm whose answer was lost, and that is repeated after that, is a conflict.
 *
 * A1 A branch whose phase two is open for more than half of the retention that its participant announced is told once.
 * A2 What participants announce is heard when they are called: while it is not known of one, it is asked again hourly.
 */
import { type Branch, openPhase, openSince } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCaller } from '../participant/participant-caller';
import { type AttemptReport, fieldsOf } from './attempt-report';
import type { Resident } from './resident';

/** Between two questions for a retention that is not known. */
const ASK_MS = 3_600_000;

/** What telling needs. */
export interface AgingDeps {
  readonly logger: Logger;
  readonly caller: Pick<ParticipantCaller, 'barrierRetentionMs'>;
  /** Greatest difference of clocks that a first Cancel outwaits. */
  readonly clockSkewMs: number;
}

/** Tells branches that their participant may forget. */
export class Aging {
  private readonly told = new WeakMap<Resident, Set<string>>();

  constructor(private readonly deps: AgingDeps) {}

  /** Looks at an unfinished branch, and tells it. Answers when to look again. */
  lookAt({ resident, tx, now }: Omit<AttemptReport, 'branchId'>, branch: Branch): number {
    const { caller, clockSkewMs } = this.deps;
    const { id, target } = branch.spec;
    const phase = openPhase(tx);
    const told = this.told.get(resident);
    if (caller.barrierRetentionMs === undefined || phase === undefined || told?.has(id) === true) {
      return Number.POSITIVE_INFINITY;
    }
    const retentionMs = caller.barrierRetentionMs(target);
    if (retentionMs === undefined) return now + ASK_MS;
    const since = openSince(tx, branch, clockSkewMs) ?? now;
    const tellAt = since + retentionMs / 2;
    if (now < tellAt) return tellAt;
    this.told.set(resident, (told ?? new Set()).add(id));
    this.deps.logger.warn(
      { ...fieldsOf(tx, branch, phase), alert: 'P1', ageMs: now - since, retentionMs },
      'branch is unfinished for more than half of the time for which its participant remembers it; end it before that is over',
    );
    return Number.POSITIVE_INFINITY;
  }
}
