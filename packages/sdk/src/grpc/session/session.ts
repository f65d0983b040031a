/**
 * Carries commands over one stream after another.
 *
 * E1 Every command is answered once: by the coordinator, or as `lost` after its deadline, at its caller's abort, with
 *    its stream, or at the close. No command is sent twice from here: who asks sends again (coordinator/repeat.ts).
 * E2 A stream that breaks takes along all commands that are not answered, those that wait for room included.
 * E3 The next stream is opened by the next command, after a pause that grows while streams break without an answer.
 *    Commands of the pause wait for that stream.
 * E4 A stream that is drained keeps what it carries; everything else goes on at once on a new one.
 * E5 Where the coordinator does not know sessions, the commands of the first stream, and every one that is too large
 *    for a stream, are carried out as unary calls: nothing was done yet.
 * E6 After `close` there is no stream and no timer.
 * E7 A coordinator that answers that it cannot serve is left where there are others, after a pause as in E3: what its stream
 *    carries is still answered there, everything else goes on at the next address.
 */
import { status } from '@grpc/grpc-js';
import { type RetryPolicy, TercetError, type Timer, nextDelayMs } from '@tercet/core';
import { essenceOf } from '@tercet/runtime';
import type { Answer, CallBounds } from '../../coordinator/coordinator-transport';
import { maySucceedElsewhere } from '../../coordinator/elsewhere';
import { type TimePorts, isPassing } from '../../coordinator/repeat';
import { callCancelled, failedAnswer } from '../error-mapping';
import { Command, type Question } from './command';
import { CommandQueue } from './command-queue';
import { DueList } from './due-list';
import {
  type SessionLine,
  SessionStream,
  type StreamEnd,
  type StreamOwner,
} from './session-stream';

/** Pauses between streams. */
const reopening: RetryPolicy = { firstDelayMs: 50, maxDelayMs: 1_000 };
/** After this long without a pause the next one is short again. */
const CALM_MS = 30_000;
/** A larger command goes by a call of its own: refused as too large, it takes no other command along. */
const COMMAND_BYTES_MAX = 4 * 1_024 * 1_024;

/** The channels for streams: `CoordinatorChannels`. */
export interface SessionLines {
  /** Whether there is more than one address. */
  readonly several: boolean;
  readonly current: SessionLine;
  failed(line: SessionLine): void;
  drained(line: SessionLine): void;
}

/** What a session needs. */
export interface SessionDeps extends TimePorts {
  readonly channels: SessionLines;
  /** Carries a command out as a unary call. Never rejects. */
  readonly unary: (question: Question, bounds: CallBounds) => Promise<Answer<unknown>>;
  /** The coordinator does not know sessions. */
  readonly notOffered: () => void;
}

/** The session of one client. */
export class Session implements StreamOwner {
  private readonly due: DueList<Command>;
  private readonly waiting = new CommandQueue();
  private stream: SessionStream | undefined;
  /** Streams that take no new commands. */
  private readonly leaving = new Set<SessionStream>();
  private pause: Timer | undefined;
  private failures = 0;
  /** When the last pause began, Unix ms. */
  private restedAt = 0;
  private closed = false;
  private readonly aborted = (command: Command): void =>
    this.giveUp(command, callCancelled(command.question.bounds.signal));

  constructor(private readonly deps: SessionDeps) {
    const { scheduler, clock } = deps;
    this.due = new DueList({
      scheduler,
      clock,
      over: (command: Command) => this.giveUp(command, outOfTime(command)),
    });
  }

  /** Carries a command. Never rejects. */
  carry(question: Question): Promise<Answer<unknown>> {
    const { signal, deadlineMs } = question.bounds;
    if (signal.aborted) return Promise.resolve(callCancelled(signal));
    if (this.closed) return Promise.resolve(closedAnswer());
    return new Promise((resolve) => {
      const command = new Command(question, resolve, this.aborted);
      this.due.add(command, deadlineMs);
      this.start(command);
    });
  }

  /** Ends everything. Repeating is safe. */
  close(): void {
    this.closed = true;
    this.pause?.cancel();
    const streams = [...this.leaving];
    if (this.stream !== undefined) streams.push(this.stream);
    this.stream = undefined;
    const unanswered = streams.flatMap((stream) => stream.cancel());
    for (const stream of streams) this.left(stream);
    const answer = closedAnswer();
    for (const command of [...unanswered, ...this.waiting.takeAll()]) this.settle(command, answer);
    this.due.close();
  }

  answered(command: Command, answer: Answer<unknown>, stream: SessionStream): void {
    this.settle(command, answer);
    if (answer.kind === 'lost' && maySucceedElsewhere(answer.error)) this.goElsewhere(stream);
  }

  /** E7 */
  private goElsewhere(stream: SessionStream): void {
    const { channels } = this.deps;
    if (stream !== this.stream || !channels.several) return;
    channels.failed(stream.line);
    this.leave(stream);
    stream.finish();
    // What went wrong long ago is no reason to hesitate.
    if (this.deps.clock.now() - this.restedAt > CALM_MS) this.failures = 0;
    this.rest();
  }

  roomier(): void {
    if (!this.waiting.empty) this.pump();
  }

  drained(stream: SessionStream, notSent: readonly Command[]): void {
    this.deps.channels.drained(stream.line);
    this.waiting.putBack(notSent);
    if (stream !== this.stream) return;
    this.leave(stream);
    if (stream.useful) this.failures = 0;
    // Whoever drains at once would be asked in a tight loop.
    else this.rest();
  }

  idle(stream: SessionStream): void {
    this.leave(stream);
    stream.finish();
  }

  ended(stream: SessionStream, end: StreamEnd): void {
    if (stream === this.stream) this.broken(stream, end);
    else this.lose(end.unanswered, lostWith(stream, end));
    this.left(stream);
  }

  private start(command: Command): void {
    if (this.stream?.hasRoom(command.question.patience) === true && this.waiting.empty) {
      this.send(command, this.stream);
      return;
    }
    this.waiting.push(command);
    this.pump();
  }

  /** Sends what there is room for. */
  private pump(): void {
    if (this.pause !== undefined || this.closed || this.waiting.empty) return;
    const stream = (this.stream ??= this.open());
    for (
      let command = this.waiting.take(stream.hasRoom);
      command !== undefined;
      command = this.waiting.take(stream.hasRoom)
    ) {
      this.send(command, stream);
    }
  }

  private open(): SessionStream {
    const { channels, scheduler } = this.deps;
    return new SessionStream({ line: channels.current, scheduler, owner: this });
  }

  private send(command: Command, stream: SessionStream): void {
    stream.number(command);
    try {
      command.bytes = command.encode(this.leftMs(command));
    } catch (cause) {
      this.settle(command, unsendable(command.question, cause));
      return;
    }
    if (command.bytes.length > COMMAND_BYTES_MAX) this.handOver(command);
    else stream.push(command);
  }

  /** Carries a command out as a unary call; from here on it is that call's. */
  private handOver(command: Command): void {
    const { question } = command;
    const deadlineMs = this.leftMs(command);
    this.due.remove(command);
    command.release();
    void this.deps.unary(question, { deadlineMs, signal: question.bounds.signal }).then(
      (answer) => command.answer(answer),
      (cause: unknown) => command.answer(unsendable(question, cause)),
    );
  }

  private leftMs(command: Command): number {
    return Math.min(command.question.bounds.deadlineMs, this.due.leftMs(command));
  }

  private giveUp(command: Command, answer: Answer<never>): void {
    if (command.over) return;
    this.settle(command, answer);
    const { stream } = command;
    if (stream === undefined) return;
    stream.giveUp(command);
    this.roomier();
  }

  private settle(command: Command, answer: Answer<unknown>): void {
    this.due.remove(command);
    command.release();
    command.answer(answer);
  }

  private lose(commands: readonly Command[], answer: Answer<never>): void {
    for (const command of commands) this.settle(command, answer);
  }

  private broken(stream: SessionStream, end: StreamEnd): void {
    this.stream = undefined;
    const commands = [...end.unanswered, ...this.waiting.takeAll()];
    if (end.status.code === status.UNIMPLEMENTED && !stream.heard) {
      this.deps.notOffered();
      for (const command of commands) this.handOver(command);
      return;
    }
    this.deps.channels.failed(stream.line);
    if (stream.useful) this.failures = 0;
    this.rest();
    this.lose(commands, lostWith(stream, end));
  }

  /** Opens no stream for a while. */
  private rest(): void {
    this.failures += 1;
    this.restedAt = this.deps.clock.now();
    const delayMs = nextDelayMs(reopening, this.failures, this.deps.random);
    this.pause = this.deps.scheduler.after(delayMs, () => {
      this.pause = undefined;
      this.pump();
    });
  }

  private leave(stream: SessionStream): void {
    this.stream = undefined;
    this.leaving.add(stream);
  }

  private left(stream: SessionStream): void {
    this.leaving.delete(stream);
    const { line } = stream;
    const used = [...this.leaving, this.stream].some((other) => other?.line === line);
    if (stream.drained && !used) line.channel.close();
  }
}

function lostWith(
  stream: SessionStream,
  { status: { code, details, metadata } }: StreamEnd,
): Answer<never> {
  const { address } = stream.line;
  if (code === status.OK) {
    const message = 'OK: the coordinator ended the session without an answer';
    return { kind: 'lost', error: new TercetError('COORDINATOR_UNAVAILABLE', { message }) };
  }
  const reply = { code, message: essenceOf(details), trailers: metadata };
  const { error } = failedAnswer(reply, { address }) as { error: TercetError };
  if (isPassing(error) || !stream.heard) return { kind: 'lost', error };
  // Whatever was wrong was so with the stream, not with each of its commands.
  const { message } = error;
  return {
    kind: 'lost',
    error: new TercetError('COORDINATOR_UNAVAILABLE', { message, cause: error }),
  };
}

function unsendable({ kind }: Question, cause: unknown): Answer<never> {
  const message = `the request of ${kind.method.path} cannot be encoded`;
  return { kind: 'lost', error: new TercetError('INTERNAL', { message, cause }) };
}

function outOfTime({ question }: Command): Answer<never> {
  const message = `Deadline exceeded after ${(question.bounds.deadlineMs / 1_000).toFixed(3)}s`;
  return failedAnswer({ code: status.DEADLINE_EXCEEDED, message }, { address: '' });
}

function closedAnswer(): Answer<never> {
  const message = 'CANCELLED: the client was closed';
  return { kind: 'lost', error: new TercetError('COORDINATOR_UNAVAILABLE', { message }) };
}
