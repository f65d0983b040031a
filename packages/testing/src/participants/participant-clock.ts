/**
 * The clock that participants get. It counts how often it is read: `addTcc` reads its clock for every Try, so one that
 * answered a Try without a reading is on a clock of its own, and would let Tries start that are late by the virtual
 * one.
 */
import { type Clock, grpcCode } from '@tercet/core';
import { ConfigError } from '@tercet/sdk';
import type { OutgoingCall } from '../calls/outgoing-call';

/** A clock that is counted. */
export class ParticipantClock implements Clock {
  /** Readings so far. */
  reads = 0;
  private foreign: string | undefined;

  constructor(private readonly clock: Clock) {}

  now(): number {
    this.reads++;
    return this.clock.now();
  }

  /** A call was answered; `readsBefore` = readings when it left. */
  answered(call: OutgoingCall, code: number, readsBefore: number): void {
    if (call.context?.phase !== 'try' || code !== grpcCode.OK) return;
    if (this.reads === readsBefore) this.foreign ??= call.target;
  }

  /** Throws ConfigError where a participant is on a clock of its own. */
  check(): void {
    if (this.foreign === undefined) return;
    throw new ConfigError(
      `the participant at ${this.foreign} answered a Try without looking at env.clock: it is on a clock of its own, which the ` +
        'virtual one leaves behind. Serve it with env.serve, or give addTcc { clock: env.clock, scheduler: env.scheduler }; ' +
        'where it has no such clock (another language), createTestCoordinator({ foreignClocks: true })',
    );
  }
}
