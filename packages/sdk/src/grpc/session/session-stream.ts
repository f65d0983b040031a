/**
 * One stream of a session: commands leave together, answers find their commands.
 *
 * T1 Ids are unique among the unanswered commands of the stream; an answer with another id is ignored.
 * T2 At most as many commands are unanswered as the coordinator takes, of which those that wait on purpose leave a part
 *    to the others.
 * T3 After `drain`, or once it is finished, no command leaves any more.
 * T4 The end is told once, with all that are unanswered. Afterwards there is no timer.
 */
import { type ClientDuplexStream, Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { ReleasingMap, type Scheduler, TercetError, type Timer } from '@tercet/core';
import { type SessionAnswer, SessionResponse } from '@tercet/proto';
import { BatchReceiver, BatchSender, type UnaryChannel } from '@tercet/runtime';
import type { Answer } from '../../coordinator/coordinator-transport';
import { unreadable } from '../call-coordinator';
import type { Patience } from '../command-kinds';
import { failedCommand } from '../error-mapping';
import { type Command, type Part, givenUp } from './command';

const METHOD = '/tercet.v1.Coordinator/Session';
/** Unanswered commands before the coordinator has told its limit. */
const OUTSTANDING_FIRST = 1_024;
/** A coordinator that cannot be connected to is left after this long; others may be there. */
const CONNECT_MS = 3_000;
/** A stream without work is ended: it would keep the process alive, and paths cut what is silent for long. */
const IDLE_MS = 30_000;
/** Time for the coordinator to end a stream that this side has finished. */
const FINISH_MS = 5_000;

/** Where streams lead: a `CoordinatorChannel`. */
export interface SessionLine {
  /** For error texts. */
  readonly address: string;
  /** Opens the streams. */
  readonly channel: Pick<UnaryChannel, 'duplex' | 'connection' | 'close'>;
}

/** How a stream ended. */
export interface StreamEnd {
  readonly status: StatusObject;
  /** The commands that it leaves without an answer. */
  readonly unanswered: readonly Command[];
}

/** Who uses the stream. */
export interface StreamOwner {
  /** A command has its answer; it is no longer the stream's. */
  answered(command: Command, answer: Answer<unknown>, stream: SessionStream): void;
  /** Answers have come: there may be room for more commands. */
  roomier(stream: SessionStream): void;
  /** The coordinator stops. `notSent` are no longer the stream's. */
  drained(stream: SessionStream, notSent: readonly Command[]): void;
  /** Nothing was asked for a while. */
  idle(stream: SessionStream): void;
  /** It is over, whatever the reason. */
  ended(stream: SessionStream, end: StreamEnd): void;
}

/** What a stream needs. */
export interface StreamDeps {
  readonly line: SessionLine;
  readonly scheduler: Scheduler;
  readonly owner: StreamOwner;
}

/** One stream. It is opened at once, and connects by itself. */
export class SessionStream {
  /** Whether the coordinator has sent anything at all. */
  heard = false;
  /** Whether a command was answered. */
  useful = false;
  /** Whether the coordinator asked to go elsewhere. */
  drained = false;

  private readonly call: ClientDuplexStream<Buffer, SessionResponse>;
  private readonly sender: BatchSender<Part>;
  private readonly receiver: BatchReceiver<SessionAnswer>;
  private readonly unanswered = new ReleasingMap<number, Command>();
  private readonly inLane: Record<Patience, number> = { quick: 0, decision: 0, wait: 0 };
  private outstandingMax = OUTSTANDING_FIRST;
  private lastId = 0;
  private usedSince = false;
  private finished = false;
  private ended = false;
  private timer: Timer;

  constructor(private readonly deps: StreamDeps) {
    const { line, scheduler } = deps;
    this.call = line.channel.duplex({
      method: METHOD,
      serialize: (bytes: Buffer) => bytes,
      deserialize: (bytes) => SessionResponse.decode(bytes),
    });
    this.sender = new BatchSender<Part>({
      scheduler,
      write: (parts) => this.write(parts),
      sizeOf: ({ bytes }) => bytes.length,
    });
    this.receiver = new BatchReceiver<SessionAnswer>({
      scheduler,
      handle: (answer) => this.take(answer),
      handled: () => this.progress(),
    });
    this.call.on('data', (response: SessionResponse) => this.receive(response));
    this.call.on('drain', () => this.sender.drained());
    this.call.on('error', () => undefined);
    this.call.on('status', (ended: StatusObject) => this.end(ended));
    this.timer = scheduler.after(CONNECT_MS, () => this.checkConnected());
  }

  /** Where it leads. */
  get line(): SessionLine {
    return this.deps.line;
  }

  /** Whether another command may leave. */
  readonly hasRoom = (patience: Patience): boolean => {
    const { outstandingMax: max, inLane } = this;
    if (this.unanswered.size >= max) return false;
    if (patience === 'quick') return true;
    if (inLane.decision + inLane.wait >= partOf(max, 0.75)) return false;
    return patience === 'decision' || inLane.wait < partOf(max, 0.5);
  };

  /** Gives a command its id here. It is not on the stream before {@link push}. */
  number(command: Command): void {
    do this.lastId = (this.lastId + 1) >>> 0;
    while (this.unanswered.has(this.lastId));
    command.id = this.lastId;
  }

  /** Sends a numbered and encoded command. */
  push(command: Command): void {
    command.stream = this;
    this.unanswered.set(command.id, command);
    this.inLane[command.question.patience] += 1;
    this.usedSince = true;
    this.sender.push(command);
  }

  /** Nobody waits for the answer any more. */
  giveUp(command: Command): void {
    this.forget(command);
    if (command.left && !this.finished) this.sender.push(givenUp(command.id));
    this.finishIfDone();
  }

  /** Ends the stream once its commands are answered. Repeating is safe. */
  finish(): void {
    this.finished = true;
    this.finishIfDone();
  }

  /** Ends it at once, without telling its owner. Returns the commands that it leaves without an answer. */
  cancel(): readonly Command[] {
    const unanswered = this.stop();
    this.call.cancel();
    return unanswered;
  }

  private write(parts: readonly Part[]): boolean {
    const live = parts.filter(({ over }) => !over);
    if (live.length === 0) return true;
    for (const part of live) part.left = true;
    return this.call.write(Buffer.concat(live.map(({ bytes }) => bytes)));
  }

  private receive({ hello, answers, drain }: SessionResponse): void {
    if (this.ended) return;
    this.heard = true;
    if (hello !== undefined && hello.outstandingMax > 0) this.outstandingMax = hello.outstandingMax;
    if (drain && !this.drained) this.giveWay();
    this.receiver.receive(answers);
  }

  private progress(): void {
    this.finishIfDone();
    this.deps.owner.roomier(this);
  }

  private take({ id, answer }: SessionAnswer): void {
    const command = this.unanswered.get(id);
    // Given up meanwhile, or never asked.
    if (command === undefined) return;
    this.forget(command);
    this.useful = true;
    this.deps.owner.answered(command, answerOf(command, answer, this.line.address), this);
  }

  private forget(command: Command): void {
    this.unanswered.delete(command.id);
    this.inLane[command.question.patience] -= 1;
    command.stream = undefined;
  }

  private giveWay(): void {
    this.drained = true;
    const notSent = [...this.unanswered.values()].filter(({ left }) => !left);
    for (const command of notSent) this.forget(command);
    this.sender.close();
    this.finished = true;
    this.deps.owner.drained(this, notSent);
  }

  private finishIfDone(): void {
    if (!this.finished || this.ended || this.unanswered.size > 0 || this.call.writableEnded) return;
    this.sender.close();
    this.call.end();
    this.timer.cancel();
    this.timer = this.deps.scheduler.after(FINISH_MS, () => this.call.cancel());
  }

  private checkConnected(): void {
    const { channel, address } = this.line;
    if (this.heard || channel.connection === 'ready') return this.watchIdle();
    this.end({
      code: status.UNAVAILABLE,
      details: `no connection to ${address} within ${CONNECT_MS / 1_000} s`,
      metadata: new Metadata(),
    });
    this.call.cancel();
  }

  private watchIdle(): void {
    this.usedSince = false;
    this.timer = this.deps.scheduler.after(IDLE_MS, () => {
      if (this.usedSince || this.unanswered.size > 0) this.watchIdle();
      else this.deps.owner.idle(this);
    });
  }

  private end(ended: StatusObject): void {
    // What came before the end counts.
    this.receiver.flush();
    if (this.ended) return;
    this.deps.owner.ended(this, { status: ended, unanswered: this.stop() });
  }

  private stop(): readonly Command[] {
    this.ended = true;
    this.timer.cancel();
    this.sender.close();
    this.receiver.close();
    const unanswered = [...this.unanswered.values()];
    for (const command of unanswered) this.forget(command);
    return unanswered;
  }
}

/** The part of a limit that some may use; at least one. */
function partOf(max: number, share: number): number {
  return Math.max(1, Math.floor(max * share));
}

function answerOf(
  { question: { kind } }: Command,
  answer: SessionAnswer['answer'],
  address: string,
): Answer<unknown> {
  if (answer?.$case === 'failure') return failedCommand(answer.value, address);
  try {
    if (answer?.$case === kind.answer) return { kind: 'ok', reply: kind.read(answer.value) };
  } catch (cause) {
    return { kind: 'lost', error: unreadable(kind.method.path, cause) };
  }
  const message = `${kind.command} was answered with ${answer?.$case ?? 'nothing that this version knows'}`;
  return { kind: 'lost', error: new TercetError('INTERNAL', { message }) };
}
