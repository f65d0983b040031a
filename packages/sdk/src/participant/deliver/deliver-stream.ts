/**
 * One stream on which a caller delivers commands.
 *
 * E1 Hello comes first, and says what holds for this stream: methods and credits stay as it said.
 * E2 A command is answered by one outcome, in any order, or by none: where the caller gave it up, or the stream broke.
 *    Then its signal aborts, and its handler ends by itself. A handler whose signal aborted at the deadline is answered
 *    with DEADLINE_EXCEEDED.
 * E3 What is wrong with a command is told in its outcome; only what leaves no sure id to answer under ends the stream.
 * E4 A command above its credit is not started. Try has a credit of its own, so that Tries which wait for what only a
 *    Confirm frees cannot keep that Confirm out. A command that was given up holds no credit.
 * E5 While the caller does not read, nothing more is read from it.
 * E6 Told to drain, the caller half-closes; then the stream ends as soon as nothing runs. For a caller that does not,
 *    it ends when nothing has run for a second.
 */
import { type Metadata, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { ReleasingMap, type Scheduler, type Timer } from '@tercet/core';
import type {
  DeliverCommand,
  DeliverHello,
  DeliverOutcome,
  DeliverRequest,
  DeliverResponse,
} from '@tercet/proto';
import { BatchReceiver, BatchSender } from '@tercet/runtime';
import { type CallAnswer, type CallRefusal, refusal, stopping } from '../call-answer';
import { peerOf } from '../unary-call';
import { DeliverCall, type Served, type StreamOfCall, commandProblem } from './deliver-call';
import { outcomeBytes, outcomeOf, refusedOutcome } from './outcome';

/** How long a caller that was told to drain may stay silent before the stream is ended. */
const SILENCE_MS_MAX = 1_000;

/** The stream as grpc-js hands it over. */
export type GrpcStream = ServerDuplexStream<DeliverRequest, DeliverResponse>;

/** What a stream needs. */
export interface DeliverStreamDeps {
  readonly scheduler: Scheduler;
  readonly hello: DeliverHello;
  /** By full path: the methods that Hello names. */
  readonly methods: ReadonlyMap<string, Served>;
  /** Called once, when the stream is gone. */
  readonly onClose: (stream: DeliverStream) => void;
}

type Credit = 'maxInFlightTry' | 'maxInFlightPhaseTwo';

/** A stream from its opening to its end. */
export class DeliverStream implements StreamOfCall {
  readonly scheduler: Scheduler;
  readonly peer: string | undefined;
  readonly metadata: Metadata;
  private readonly unanswered = new ReleasingMap<number, DeliverCall>();
  private readonly receiver: BatchReceiver<DeliverCommand | number>;
  private readonly inFlight = { maxInFlightTry: 0, maxInFlightPhaseTwo: 0 };
  private readonly sender: BatchSender<DeliverOutcome>;
  private unsentWrites = 0;
  private halfClosed = false;
  private draining = false;
  private closed = false;
  private gone = false;
  private silence: Timer | undefined;
  private waiting: { readonly holds: () => boolean; readonly go: () => void }[] = [];

  constructor(
    private readonly call: GrpcStream,
    private readonly deps: DeliverStreamDeps,
  ) {
    this.scheduler = deps.scheduler;
    this.peer = peerOf(call);
    this.metadata = call.metadata;
    this.receiver = new BatchReceiver<DeliverCommand | number>({
      scheduler: deps.scheduler,
      handle: (item) => (typeof item === 'number' ? this.giveUp(item) : this.accept(item)),
      handled: () => this.progress(),
    });
    this.sender = new BatchSender({
      scheduler: deps.scheduler,
      write: (outcomes) => this.writeOutcomes(outcomes),
      sizeOf: outcomeBytes,
    });
    call.on('data', (request: DeliverRequest) => this.receive(request));
    call.on('end', () => this.onHalfClose());
    call.on('drain', () => this.onDrained());
    // grpc-js says so at every end, the one that this side made included.
    call.on('cancelled', () => this.onClosed());
    this.write({ hello: deps.hello, outcomes: [], drain: false });
  }

  /** E6. Repeating is safe. */
  drain(): void {
    if (this.draining || this.closed) return;
    this.draining = true;
    this.write({ hello: undefined, outcomes: [], drain: true });
    this.progress();
  }

  /** Resolves when no command can come any more. */
  silent(): Promise<void> {
    return this.when(() => this.halfClosed && this.receiver.backlog === 0);
  }

  /** Resolves when every outcome that there is has left. */
  sent(): Promise<void> {
    return this.when(() => this.gone || (this.sender.backlog === 0 && this.unsentWrites === 0));
  }

  answered(call: DeliverCall, answer: CallAnswer): void {
    const { id } = call.command;
    if (this.unanswered.get(id) !== call) return;
    const outcome = outcomeOf(id, call.served.route.method, answer);
    this.release(call);
    this.sender.push(outcome);
    this.progress();
  }

  private receive({ commands, givenUpIds }: DeliverRequest): void {
    // They concern commands of earlier messages, and the new ones may need their credit.
    if (givenUpIds.length > 0) this.receiver.receive(givenUpIds);
    this.receiver.receive(commands);
  }

  private giveUp(id: number): void {
    const call = this.unanswered.get(id);
    if (call === undefined) return;
    this.release(call);
    call.giveUp();
  }

  private accept(command: DeliverCommand): void {
    const { id, method } = command;
    // An outcome under this id would be taken for that of the first one.
    if (this.unanswered.has(id)) {
      this.fail(`command ${id} is not answered yet; its id was used for another one`);
      return;
    }
    const served = this.deps.methods.get(method);
    const answer = served === undefined ? unknownMethod(method) : this.start(command, served);
    if (answer !== undefined) this.sender.push(refusedOutcome(id, answer));
  }

  /** Starts a command, or says why not. */
  private start(command: DeliverCommand, served: Served): CallRefusal | undefined {
    if (served.calls.stopped) return stopping();
    const credit = creditOf(served);
    const most = this.deps.hello[credit];
    if (this.inFlight[credit] >= most) return noCredit(credit, most);
    const problem = commandProblem(command);
    if (problem !== undefined) return refusal(status.INVALID_ARGUMENT, problem);
    const call = new DeliverCall(command, served, this);
    // Word for word what grpc-js answers to a unary call.
    if (!call.decode()) return refusal(status.INTERNAL, 'Error deserializing request');
    this.unanswered.set(command.id, call);
    this.inFlight[credit] += 1;
    this.silence?.cancel();
    this.silence = undefined;
    void served.calls.carryOut(served.route, call);
    return undefined;
  }

  private release(call: DeliverCall): void {
    this.unanswered.delete(call.command.id);
    this.inFlight[creditOf(call.served)] -= 1;
  }

  private writeOutcomes(outcomes: readonly DeliverOutcome[]): boolean {
    return this.write({ hello: undefined, outcomes: [...outcomes], drain: false });
  }

  private write(response: DeliverResponse): boolean {
    if (this.closed) return true;
    this.unsentWrites += 1;
    const more = this.call.write(response, () => {
      this.unsentWrites -= 1;
      this.progress();
    });
    if (!more) this.call.pause();
    return more;
  }

  private onDrained(): void {
    if (this.closed) return;
    this.call.resume();
    this.sender.drained();
    this.progress();
  }

  private onHalfClose(): void {
    this.halfClosed = true;
    this.progress();
  }

  private onClosed(): void {
    this.gone = true;
    if (!this.closed) this.close();
    this.progress();
    this.deps.onClose(this);
  }

  /** Nothing is taken or sent any more. */
  private close(): void {
    this.closed = true;
    this.halfClosed = true;
    this.silence?.cancel();
    this.sender.close();
    this.receiver.close();
    const left = [...this.unanswered.values()];
    this.unanswered.clear();
    for (const call of left) call.giveUp();
  }

  private fail(message: string): void {
    this.sender.flush();
    this.close();
    this.call.emit('error', { code: status.INVALID_ARGUMENT, details: message });
    this.progress();
  }

  /** To be called whenever something has happened: ends what is over, and tells who waits. */
  private progress(): void {
    const idle = this.unanswered.size === 0 && this.sender.backlog === 0;
    if (idle && this.receiver.backlog === 0 && !this.closed) this.onIdle();
    if (this.waiting.length === 0) return;
    const held = this.waiting.filter(({ holds }) => holds());
    this.waiting = this.waiting.filter((each) => !held.includes(each));
    for (const { go } of held) go();
  }

  private onIdle(): void {
    if (this.halfClosed) this.end();
    else if (this.draining) {
      this.silence ??= this.scheduler.after(SILENCE_MS_MAX, () => this.end());
    }
  }

  private end(): void {
    this.close();
    this.call.end();
    this.progress();
  }

  private when(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ holds, go: resolve }));
  }
}

function creditOf({ route }: Served): Credit {
  return route.phase === 'try' ? 'maxInFlightTry' : 'maxInFlightPhaseTwo';
}

function noCredit(credit: Credit, most: number): CallRefusal {
  const name = credit === 'maxInFlightTry' ? 'max_in_flight_try' : 'max_in_flight_phase_two';
  const text = `${name} is ${most}: so many commands of this stream are unanswered; send this one after one of them is`;
  return refusal(status.RESOURCE_EXHAUSTED, text);
}

function unknownMethod(method: string): CallRefusal {
  const text = `${method} is not taken on this stream: Hello did not name it; call it unary`;
  return refusal(status.UNIMPLEMENTED, text);
}
