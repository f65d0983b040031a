/**
 * Tells branches that become stuck without an attempt of their own: held back at a target that is down, or in a call
 * that hangs. Only their age tells, so somebody has to look.
 *
 * T1 A look every few seconds over what is in memory; one timer, and none while nothing is.
 * T2 A look never keeps the event loop for long: it goes on in the next turn.
 */
import { type Clock, type Scheduler, type Timer, openPhase, pendingBranches } from '@tercet/core';
import { type ReportDeps, reportIfStuck } from './attempt-report';
import type { Resident } from './resident';
import type { Residents } from './residents';

/** What looking needs. */
export interface StuckWatchDeps extends ReportDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly residents: Residents;
}

/** Time between two looks. */
const LOOK_MS = 5_000;
/** Residents looked at in one turn of the event loop. */
const SLICE = 2_000;

/** Looks for stuck branches. */
export class StuckWatch {
  private timer: Timer | undefined;
  private closed = false;

  constructor(private readonly deps: StuckWatchDeps) {}

  /** Something is in phase two: looks from now on, while anything is in memory. */
  start(): void {
    if (this.closed || this.timer !== undefined) return;
    this.timer = this.deps.scheduler.after(LOOK_MS, () => {
      this.timer = undefined;
      this.look(this.deps.residents.all());
    });
  }

  /** Nothing may be left to look at. */
  rest(): void {
    if (this.deps.residents.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Ends all looking. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private look(rest: Iterator<Resident>): void {
    if (this.closed) return;
    const now = this.deps.clock.now();
    for (let i = 0; i < SLICE; i++) {
      const next = rest.next();
      if (next.done === true) {
        if (this.deps.residents.size > 0) this.start();
        return;
      }
      this.lookAt(next.value, now);
    }
    this.deps.scheduler.soon(() => this.look(rest));
  }

  private lookAt(resident: Resident, now: number): void {
    const { tx } = resident;
    if (tx === undefined || openPhase(tx) === undefined) return;
    for (const { spec } of pendingBranches(tx)) {
      reportIfStuck(this.deps, { resident, tx, branchId: spec.id, now });
    }
  }
}
