/**
 * The calls of one service that are under way, whichever transport brought them.
 *
 * D1 Every call is answered once, whatever its handler does; answering never rejects and never throws.
 * D2 `drain` resolves after every call that was let in has been answered, and the answers have left.
 * D3 A unary call is refused from `drain` on. A command of a stream is let in until the stream's caller, told to stop,
 *    has done so, or had the time to: it may have crossed that message.
 */
import { status } from '@grpc/grpc-js';
import { type CallDeps, answerCall } from './action-call';
import { type CallAnswer, refusal } from './call-answer';
import type { IncomingCall } from './incoming-call';
import type { Route } from './routes';

/** What draining a service needs of the transports. */
export interface Transports {
  /** Tells open streams to send nothing more; resolves when nothing comes any more, or they had their time. */
  stopArrivals(): Promise<void>;
  /** Resolves when every answer is on its way to its caller, or that takes too long. */
  answersLeft(): Promise<void>;
}

/** The calls of one service. */
export class ServiceCalls {
  private running = 0;
  private idle: (() => void)[] = [];
  private drained: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly deps: CallDeps) {}

  /** Whether new unary calls are refused. */
  get draining(): boolean {
    return this.drained !== undefined;
  }

  /** Whether commands of streams are refused, too. */
  get stopped(): boolean {
    return this.closed;
  }

  /** Carries a call out and answers it. */
  async carryOut(route: Route, call: IncomingCall): Promise<void> {
    this.running += 1;
    try {
      const answer = await answerCall(this.deps, route, call);
      call.end();
      call.answer(answer);
    } catch {
      call.end();
      giveUpOn(call);
    } finally {
      this.running -= 1;
      if (this.running === 0) for (const go of this.idle.splice(0)) go();
    }
  }

  /** D2. Repeating is safe. */
  drain(transports: Transports): Promise<void> {
    this.drained ??= this.drainOnce(transports);
    return this.drained;
  }

  private async drainOnce(transports: Transports): Promise<void> {
    await transports.stopArrivals();
    this.closed = true;
    if (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
    await transports.answersLeft();
  }
}

/** What was thrown cannot even be looked at (a getter that throws, say). It must not end the process. */
function giveUpOn(call: IncomingCall): void {
  const answer: CallAnswer = refusal(status.INTERNAL, 'this call could not be answered');
  try {
    call.answer(answer);
  } catch {
    // The transport itself fails: its caller learns of it by the transport.
  }
}
