/**
 * The server's side of one session: commands in, answers out. Knows no grpc-js.
 *
 * N1 Every command is carried out by itself; its answer leaves when it is ready, together with everything that became
 *    ready in the same turn. None waits for another.
 * N2 A command is unanswered until its answer was written or its caller gave it up. No id stands for two unanswered
 *    commands: nobody could tell whose answer comes, so the second one ends the stream.
 * N3 A peer that does not read is not read from: unanswered commands are bounded, and so is what waits to be written.
 * N4 When the stream is over, the signals of its unanswered commands abort and nothing is written any more. What they
 *    do is not taken back.
 * N5 It ends with OK when nothing is unanswered and the peer has ended its side; while draining also without that,
 *    after a short time.
 */
import {
  type Clock,
  PROTOCOL_VERSION,
  ReleasingMap,
  type Scheduler,
  TercetError,
  type Timer,
} from '@tercet/core';
import type { SessionCommand, SessionRequest, SessionResponse } from '@tercet/proto';
import { BatchReceiver, BatchSender } from '@tercet/runtime';
import type { RunningWork } from '../../../engine/running-work';
import { Caller } from '../caller';
import { type Failure, toFailure } from '../error-mapping';
import type { Commands } from '../handlers';
import { answerBytes } from './answer-size';
import { type Answer, carryOut } from './carry-out';

/** Unanswered commands on one stream. Above it a command is refused; another stream has as many of its own. */
export const OUTSTANDING_MAX = 16_384;
/**
 * How long a draining stream whose peer does not end its side stays open with nothing unanswered, milliseconds: time
 * for commands that had left before the peer heard of it. Shorter than what a stop leaves for answers.
 */
export const DRAIN_LINGER_MS = 100;

/** The transport below a session. */
export interface SessionWire {
  /** Hands a message over; false = the peer does not keep up, `drained` will be called. */
  write(response: SessionResponse): boolean;
  /** Receives no more messages. */
  pause(): void;
  /** Receives them again. */
  resume(): void;
  /** Ends this side with OK, after what was written. */
  end(): void;
  /** Ends this side with an error, after what was written. */
  fail(error: TercetError): void;
}

/** What the sessions of a server share. */
export interface SessionDeps {
  readonly commands: Commands;
  readonly clock: Pick<Clock, 'now'>;
  readonly scheduler: Scheduler;
  /** Counts each command while it is carried out. */
  readonly calls: RunningWork;
  /** Logs an unexpected error and returns the id under which it stands there. */
  readonly report: (error: unknown) => string;
  /** Unanswered commands on one stream. Default: 16,384. */
  readonly outstandingMax?: number;
}

/** A command that is not answered. */
class Unanswered {
  readonly caller: Caller;
  answer: Answer | undefined;

  constructor(
    readonly id: number,
    expiresAt: number | undefined,
  ) {
    this.caller = new Caller(expiresAt);
  }
}

/** One open session. */
export class SessionStream {
  private readonly unanswered = new ReleasingMap<number, Unanswered>();
  private readonly receiver: BatchReceiver<SessionCommand | number>;
  private readonly sender: BatchSender<Unanswered>;
  private readonly outstandingMax: number;
  private tooMany: Failure | undefined;
  private peerEnded = false;
  private draining = false;
  private over = false;
  private linger: Timer | undefined;

  /** @param onOver Called once, when nothing is sent or received any more. */
  constructor(
    private readonly wire: SessionWire,
    private readonly deps: SessionDeps,
    private readonly onOver: () => void,
  ) {
    this.outstandingMax = deps.outstandingMax ?? OUTSTANDING_MAX;
    this.receiver = new BatchReceiver<SessionCommand | number>({
      scheduler: deps.scheduler,
      handle: (item) => this.handle(item),
      handled: () => this.endWhenIdle(),
    });
    this.sender = new BatchSender<Unanswered>({
      scheduler: deps.scheduler,
      write: (ready) => this.write(ready),
      sizeOf: answerBytes,
    });
  }

  /** Says hello. Call it once, before anything else. */
  open(): void {
    const { outstandingMax } = this;
    const hello = { protocolVersion: PROTOCOL_VERSION, outstandingMax };
    this.wire.write({ hello, answers: [], drain: false });
  }

  /** How many commands are not answered. */
  get outstanding(): number {
    return this.unanswered.size;
  }

  /** A message came. */
  receive({ commands, givenUpIds }: SessionRequest): void {
    // First: they are about earlier messages, and make room for the commands of this one.
    if (givenUpIds.length > 0) this.receiver.receive(givenUpIds);
    this.receiver.receive(commands);
  }

  private handle(item: SessionCommand | number): void {
    if (typeof item === 'number') this.giveUp(item);
    else this.take(item, this.deps.clock.now());
  }

  /** The peer keeps up again. */
  drained(): void {
    if (this.over) return;
    this.wire.resume();
    this.sender.drained();
  }

  /** The peer sends no more. */
  halfClosed(): void {
    this.peerEnded = true;
    this.endWhenIdle();
  }

  /** Asks the peer to send no new commands and to end its side. Those that come nevertheless are served. */
  drain(): void {
    if (this.over || this.draining) return;
    this.draining = true;
    this.wire.write({ hello: undefined, answers: [], drain: true });
    this.endWhenIdle();
  }

  /** The stream is cut, or has ended (N4). Repeating is safe. */
  gone(): void {
    if (this.over) return;
    this.over = true;
    this.linger?.cancel();
    this.sender.close();
    this.receiver.close();
    for (const { caller } of this.unanswered.values()) caller.leave();
    this.unanswered.clear();
    this.onOver();
  }

  private take({ id, deadlineMs, command }: SessionCommand, now: number): void {
    if (this.unanswered.has(id)) return this.fail(doubled(id));
    const taken = new Unanswered(id, deadlineMs === 0 ? undefined : now + deadlineMs);
    const room = this.unanswered.size < this.outstandingMax;
    this.unanswered.set(id, taken);
    if (room) void this.carryOut(taken, command);
    else this.answer(taken, { $case: 'failure', value: this.refusal() });
  }

  private async carryOut(taken: Unanswered, command: SessionCommand['command']): Promise<void> {
    const { commands, calls, report } = this.deps;
    const ended = calls.begin();
    try {
      this.answer(taken, await carryOut(commands, command, taken.caller));
    } catch (error) {
      this.answer(taken, { $case: 'failure', value: toFailure(error, report) });
    } finally {
      ended();
    }
  }

  private answer(taken: Unanswered, answer: Answer): void {
    taken.answer = answer;
    this.sender.push(taken);
  }

  private giveUp(id: number): void {
    const taken = this.unanswered.get(id);
    if (taken === undefined) return;
    this.unanswered.delete(id);
    taken.caller.leave();
  }

  /** Writes what is ready, but for what was given up meanwhile. False = the peer does not keep up (N3). */
  private write(ready: readonly Unanswered[]): boolean {
    const answers = ready.filter(({ caller }) => !caller.aborted);
    for (const { id } of answers) this.unanswered.delete(id);
    const keepsUp =
      answers.length === 0 || this.wire.write({ hello: undefined, answers, drain: false });
    if (!keepsUp) this.wire.pause();
    this.endWhenIdle();
    return keepsUp;
  }

  private endWhenIdle(): void {
    this.linger?.cancel();
    this.linger = undefined;
    if (this.over || this.unanswered.size > 0 || this.receiver.backlog > 0) return;
    if (this.peerEnded) this.end();
    else if (this.draining) {
      this.linger = this.deps.scheduler.after(DRAIN_LINGER_MS, () => this.end());
    }
  }

  private end(): void {
    this.wire.end();
    this.gone();
  }

  private fail(error: TercetError): void {
    this.wire.fail(error);
    this.gone();
  }

  /** Made once: a message can bring hundreds of thousands of commands too many. */
  private refusal(): Failure {
    const { outstandingMax } = this;
    this.tooMany ??= toFailure(
      new TercetError('LIMIT_EXCEEDED', {
        message: `at most ${outstandingMax} unanswered commands on one stream; wait for answers, or open another stream`,
        details: { limit: 'outstanding' },
      }),
      this.deps.report,
    );
    return this.tooMany;
  }
}

function doubled(id: number): TercetError {
  return new TercetError('INVALID_ARGUMENT', {
    message: `commands[].id: ${id} belongs to a command that is not answered yet; give each command of a stream its own id`,
    details: { field: 'id', id: String(id) },
  });
}
