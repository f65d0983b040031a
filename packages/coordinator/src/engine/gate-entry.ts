import type { CallFailure, Clock, Random, Scheduler } from '@tercet/core';
import type { InLine } from './waiting-line';
import type { Logger } from '../observability/logger';
import type { Connections } from '../participant/participant-caller';

/** How a call ended, as far as its gate is concerned. */
export interface GateReply {
  /** gRPC status code. */
  readonly code: number;
  /** gRPC status message. */
  readonly message: string;
  /** Address that answered, where it is known. */
  readonly peer: string | undefined;
}

/** A call that waits for its gate or runs in it. */
export interface GateEntry extends InLine {
  /** The branch: one object each, for as long as the branch is called. Compared by identity, never looked into. */
  readonly key: object;
  /** gRPC address as registered. */
  readonly target: string;
  /**
   * Calls, and resolves with how that ended. Undefined: it was not sent after all, because the branch is done, gone or
   * held, or it was given up on our side; that says nothing about the target. Runs at most once per offer.
   */
  run(): Promise<GateReply | undefined>;
  /** It waits because the target is down, not merely for room. Told once per offer, with what made the gate go down. */
  held(failure: CallFailure): void;
}

/** A gate as operators and tests see it. */
export interface GateState {
  /** `up`: calls run as there is room. `spreading`: up again, those who waited are being let go. `down`: only probes. */
  readonly phase: 'up' | 'spreading' | 'down';
  /** Since when it is down, Unix ms; else undefined. */
  readonly since: number | undefined;
  /** Why it is down: the last failure that says so; else undefined. */
  readonly failure: CallFailure | undefined;
  /** Entries that wait, for room or for the target. */
  readonly waiting: number;
  /** Calls that run. */
  readonly running: number;
}

/** What gates need. */
export interface GateDeps {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly connections: Connections;
  /** Most calls that run at a time for one target; at least 1. */
  readonly concurrencyMax: number;
  readonly logger: Logger;
}
