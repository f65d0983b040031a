/**
 * The gate of one target: everything that is called there passes it, so that a target which cannot answer is left in
 * peace, and finds no crowd at its door when it can again.
 *
 * G1  At most `concurrencyMax` calls run at a time; those that wait leave in the order they came.
 * G2  The gate goes down when a call failed with UNAVAILABLE and there is no connection.
 * G3  It also goes down after 5 failures in a row (UNAVAILABLE, DEADLINE_EXCEEDED) of at least two branches. Any other
 *     code in between is an answer: the target lives. A branch that fails alone closes nothing.
 * G4  A call that began before the last opening says nothing about the time after it: its failure does not count for G3.
 * G5  While the gate is down only probes leave: one at a time, 10 s after the attempt before it, each the next in line. An
 *     entry that was not sent after all passes its turn on.
 * G6  An answer to any call opens the gate, and so does the connection becoming ready; but after one that brought no
 *     answer before the gate went down again, the next is not believed, and only an answer opens.
 * G7  At an opening those who wait leave spread over 5 s, under the limit; who comes then, runs at once where there is room.
 * G8  Whoever is held back is told so, once, with what made the gate go down.
 * G9  One timer at most, and none per entry. A gate without work is forgotten: at once while nothing speaks against the
 *     target, else after 2 minutes, so that the failures of branches that are called again later still meet.
 */
import { type CallFailure, assertNever, grpcCode } from '@tercet/core';
import type { Connections } from '../participant/participant-caller';
import { FailureStreak } from './failure-streak';
import type { GateDeps, GateEntry, GateReply, GateState } from './gate-entry';
import { Spread } from './spread';
import { WaitingLine } from './waiting-line';
import { WakeUp } from './wake-up';

export type { GateDeps, GateEntry, GateReply, GateState } from './gate-entry';

/** Least time from one attempt on a target that is down to the next. */
export const PROBE_MS = 10_000;
/** How long what speaks against a target is kept when nothing waits for it: twice the longest backoff, by default. */
const FORGET_MS = 120_000;

interface Down {
  readonly kind: 'down';
  readonly since: number;
  failure: CallFailure;
  lastAttemptAt: number;
  /** When the probe under way began. */
  probing: number | undefined;
  stopWatching: () => void;
}

interface Spreading {
  readonly kind: 'spreading';
  readonly since: number;
  readonly spread: Spread;
}

type Phase = { readonly kind: 'up' } | Spreading | Down;

const up: Phase = { kind: 'up' };

/** One target's gate. `onForgotten` is told when nothing needs it any more; it is not used after that. */
export class Gate {
  private phase: Phase = up;
  private readonly line = new WaitingLine<GateEntry>();
  private readonly streak = new FailureStreak();
  private running = 0;
  /** Openings so far: tells calls that began before the last one (G4). */
  private era = 0;
  /** The gate was opened by a connection, and nobody has answered since (G6). */
  private unproven = false;
  private readonly wake: WakeUp<'probe' | 'release' | 'forget'>;
  private closed = false;

  constructor(
    private readonly target: string,
    private readonly deps: GateDeps,
    private readonly onForgotten: () => void,
  ) {
    this.wake = new WakeUp(deps.scheduler);
  }

  /** What the gate is doing. */
  get state(): GateState {
    const { phase, line, running } = this;
    const down = phase.kind === 'down' ? phase : undefined;
    return {
      phase: phase.kind,
      since: down?.since,
      failure: down?.failure,
      waiting: line.size,
      running,
    };
  }

  /** How many wait. */
  get waiting(): number {
    return this.line.size;
  }

  /** Takes an entry on. One that waits already keeps its place. */
  offer(entry: GateEntry): void {
    if (this.line.has(entry)) return;
    this.stopForgetting();
    const { phase } = this;
    // Up with room, nobody waits; during a spread those who do have a time of their own (G7).
    if (phase.kind !== 'down' && this.hasRoom) return void this.run(entry);
    this.line.add(entry);
    if (phase.kind === 'spreading') phase.spread.permits++;
    this.goOn();
    // Not one that could leave as a probe.
    if (this.phase.kind === 'down') this.tellHeld(this.phase);
  }

  /** Lets an entry leave that waits; whether it did. */
  withdraw(entry: GateEntry): boolean {
    const waited = this.line.remove(entry);
    if (waited && this.line.size === 0) this.goOn();
    return waited;
  }

  /** Lets go of everything: nothing runs or is told any more, no timer and no watcher stays. */
  close(): void {
    this.closed = true;
    this.wake.stop();
    if (this.phase.kind === 'down') this.phase.stopWatching();
    this.line.clear();
  }

  private get hasRoom(): boolean {
    return this.running < this.deps.concurrencyMax;
  }

  /** Runs an entry; `probed` is the outage that it is the probe of. */
  private async run(entry: GateEntry, probed?: Down): Promise<void> {
    const { era } = this;
    this.running++;
    let reply: GateReply | undefined;
    try {
      reply = await entry.run();
    } catch (err) {
      this.deps.logger.error({ target: this.target, err }, 'bug: a call broke its promise');
    }
    this.running--;
    if (this.closed) return;
    if (probed !== undefined) {
      if (reply !== undefined) probed.lastAttemptAt = probed.probing ?? probed.lastAttemptAt;
      probed.probing = undefined;
    }
    if (reply !== undefined) this.judge(reply, { key: entry.key, era, probed });
    this.goOn();
  }

  private judge(
    reply: GateReply,
    call: { readonly key: object; readonly era: number; readonly probed: Down | undefined },
  ): void {
    const { code } = reply;
    if (code !== grpcCode.UNAVAILABLE && code !== grpcCode.DEADLINE_EXCEEDED) {
      return this.answered();
    }
    const failure = { grpcCode: code, message: reply.message, peer: reply.peer };
    if (this.phase.kind === 'down') {
      // What ran when the gate went down tells nothing new, and postpones no probe.
      if (call.probed === this.phase) this.phase.failure = failure;
      return;
    }
    const lost = code === grpcCode.UNAVAILABLE && this.connection === 'down';
    if (lost || (call.era === this.era && this.streak.add(call.key))) this.goDown(failure, lost);
  }

  private get connection(): ReturnType<Connections['connection']> {
    return this.deps.connections.connection(this.target);
  }

  private answered(): void {
    this.streak.end();
    this.unproven = false;
    if (this.phase.kind === 'down') this.open(this.phase, 'answer');
  }

  private goDown(failure: CallFailure, lost: boolean): void {
    const now = this.deps.clock.now();
    const failures = this.streak.length;
    this.streak.end();
    this.wake.stop();
    const down: Down = {
      kind: 'down',
      since: now,
      failure,
      lastAttemptAt: now,
      probing: undefined,
      stopWatching: () => undefined,
    };
    this.phase = down;
    const why = lost ? { connection: 'none' } : { failures };
    this.deps.logger.warn(
      { target: this.target, ...failure, ...why, waiting: this.line.size, running: this.running },
      'target is down; calls to it are held back, one is tried every 10 s',
    );
    if (!this.unproven) {
      const { connections } = this.deps;
      down.stopWatching = connections.whenReady(this.target, () => this.connected(down));
    }
    this.tellHeld(down);
  }

  private connected(down: Down): void {
    this.unproven = true;
    this.open(down, 'connection');
    this.goOn();
  }

  private open(down: Down, by: 'answer' | 'connection'): void {
    down.stopWatching();
    this.wake.stop();
    this.era++;
    const waiting = this.line.size;
    const now = this.deps.clock.now();
    this.phase = { kind: 'spreading', since: now, spread: new Spread(waiting, this.deps.random) };
    const downMs = Math.max(0, now - down.since);
    const fields = { target: this.target, by, downMs, waiting };
    this.deps.logger.info(fields, 'target is up again; those who waited are called within 5 s');
  }

  private tellHeld(down: Down): void {
    for (const entry of this.line.takeNews()) {
      // One that was told may have taken others back.
      if (this.line.has(entry)) entry.held(down.failure);
    }
  }

  /** Whatever has just changed: lets go who may go, plans what comes next (safe to repeat at any time). */
  private goOn(): void {
    if (this.closed) return;
    const { phase } = this;
    switch (phase.kind) {
      case 'up':
        while (this.hasRoom && this.phase === phase && this.runNext()) continue;
        break;
      case 'spreading':
        this.goOnSpreading(phase);
        break;
      case 'down':
        this.goOnDown(phase);
        break;
      default:
        assertNever(phase, 'phase of a gate');
    }
    if (this.line.size === 0 && this.running === 0) this.forgetSoon();
  }

  private goOnSpreading({ spread, since }: Spreading): void {
    while (this.hasRoom && spread.permits > 0 && this.runNext()) spread.permits--;
    if (this.line.size > 0 && this.wake.purpose === 'release') return;
    this.wake.stop();
    const elapsedMs = this.deps.clock.now() - since;
    const delayMs = this.line.size === 0 ? undefined : spread.untilNext(elapsedMs);
    if (delayMs === undefined) {
      // Everybody may go: from here on only room can be missing.
      this.phase = up;
      return;
    }
    this.wake.after(delayMs, 'release', () => {
      spread.release();
      this.goOn();
    });
  }

  private goOnDown(down: Down): void {
    if (down.probing !== undefined || this.line.size === 0) {
      if (this.wake.purpose === 'probe') this.wake.stop();
      return;
    }
    // There is room: the call that took the gate down has left, and nothing but probes came after it.
    if (this.wake.purpose === 'probe') return;
    const dueInMs = down.lastAttemptAt + PROBE_MS - this.deps.clock.now();
    // However the wall clock jumped, it is not longer than that.
    if (dueInMs > 0) {
      return this.wake.after(Math.min(dueInMs, PROBE_MS), 'probe', () => {
        down.lastAttemptAt = Number.NEGATIVE_INFINITY;
        this.goOn();
      });
    }
    this.probe(down);
  }

  private probe(down: Down): void {
    const entry = this.line.take();
    if (entry === undefined) return;
    down.probing = this.deps.clock.now();
    void this.run(entry, down);
  }

  private runNext(): boolean {
    const entry = this.line.take();
    if (entry === undefined) return false;
    void this.run(entry);
    return true;
  }

  private forgetSoon(): void {
    const clean = this.phase.kind !== 'down' && this.streak.empty && !this.unproven;
    if (clean) return this.forget();
    if (this.wake.purpose !== 'forget') this.wake.after(FORGET_MS, 'forget', () => this.forget());
  }

  private forget(): void {
    this.close();
    this.onForgotten();
  }

  private stopForgetting(): void {
    if (this.wake.purpose === 'forget') this.wake.stop();
  }
}
