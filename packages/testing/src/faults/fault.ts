/** What can happen to a call. */
import type { Phase } from '@tercet/core';

/** One kind of trouble. */
export type FaultKind =
  /** Answered with an error; the participant never sees it. */
  | {
      readonly kind: 'fail';
      readonly code: number;
      readonly message: string;
      readonly verdict: string | undefined;
    }
  /** Carried out; its answer is lost. */
  | { readonly kind: 'dropReply' }
  /** Arrives twice, at the same time. */
  | { readonly kind: 'duplicate' }
  /** Leaves later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Never answered, and never arrives. */
  | { readonly kind: 'hang' }
  /** A Try: lost for its caller, and delivered after the Cancel of its branch was answered. */
  | { readonly kind: 'reorder' };

/** A kind of trouble, and how often it happens. */
export interface PlannedFault {
  readonly what: FaultKind;
  /** How many calls still meet it; Infinity = all. */
  left: number;
}

/** The faults of some methods, in the order in which calls meet them. */
export interface FaultLine {
  /** Whether it is about this method. */
  covers(method: string): boolean;
  planned: PlannedFault[];
}

/** All faults that are planned. */
export class FaultPlan {
  private readonly lines: FaultLine[] = [];

  /** Adds faults of some methods. */
  add(line: FaultLine): void {
    this.lines.push(line);
  }

  /** Nothing happens to calls any more. */
  clear(): void {
    for (const line of this.lines) line.planned = [];
    this.lines.length = 0;
  }

  /** What happens to the call that leaves now; undefined = nothing. */
  take(method: string, phase: Phase | undefined): FaultKind | undefined {
    for (const line of this.lines) {
      if (!line.covers(method)) continue;
      const next = line.planned.find(({ what }) => what.kind !== 'reorder' || phase === 'try');
      if (next === undefined) continue;
      next.left--;
      if (next.left <= 0) line.planned = line.planned.filter((each) => each !== next);
      return next.what;
    }
    return undefined;
  }
}
