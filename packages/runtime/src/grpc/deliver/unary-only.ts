/** A target that offers no Deliver: how long that is believed. */
import { grpcCode } from '@tercet/core';
import type { ConnectionState } from '../unary-channel';
import { RENEW_MS } from './address-line';

/**
 * What is remembered of it. It is asked again after 10 minutes, and after its connection was lost and is there again:
 * what has restarted may be another version.
 */
export class UnaryOnly {
  private wasReady = false;
  private wasLost = false;
  private cameBack = false;

  /** `since`: when it said so, Unix ms. */
  constructor(private readonly since: number) {}

  /** Whether it is to be asked again. */
  isOver(now: number): boolean {
    return this.cameBack || Math.abs(now - this.since) >= RENEW_MS;
  }

  /** To be called before each call of it. */
  before(connection: ConnectionState): void {
    if (this.wasReady && connection !== 'ready') this.wasLost = true;
  }

  /** To be called after each call of it. */
  after(code: number, connection: ConnectionState): void {
    this.wasReady = connection === 'ready';
    if (this.wasReady && this.wasLost) this.cameBack = true;
    if (!this.wasReady && code === grpcCode.UNAVAILABLE) this.wasLost = true;
  }
}
