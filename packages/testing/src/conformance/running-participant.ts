/**
 * The participant on a real gRPC server on loopback, put there by `addTcc`, and unary calls to it with what coordinator
 * and initiator send.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { metadataKeys } from '@tercet/core';
import { UnaryChannel, type UnaryReply, metadataOf } from '@tercet/runtime';
import { type AddTccOptions, type Barrier, type TccHandlers, addTcc } from '@tercet/sdk';
import type { Definitions, MethodLike } from '@tercet/sdk';
import { CrashingBarrier } from './crashing-barrier';
import type { CallName, Faults } from './faults';
import { type Subject, isBarrier } from './subject';
import { WatchedHandlers } from './watched-handlers';

/** One call of a phase, as it leaves. */
export interface OutgoingCall extends CallName {
  readonly gid: string;
  readonly action: string;
  readonly method: MethodLike;
  /** Encoded request. */
  readonly payload: Uint8Array;
  /** Unix ms; sent with Try and Cancel. */
  readonly notAfter: number;
  readonly deadlineMs: number;
}

/** A participant that runs until it is stopped. */
export class RunningParticipant {
  private constructor(
    private readonly server: Server,
    private readonly channel: UnaryChannel,
    /** Which handlers run. */
    readonly handlers: WatchedHandlers,
  ) {}

  /** Starts one. Rejects with what `addTcc` throws, and with what the barrier's own check says. */
  static async start(subject: Subject, faults: Faults): Promise<RunningParticipant> {
    const { barrier, definitions, participant } = subject;
    const guards = !isBarrier(barrier);
    const handlers = new WatchedHandlers(faults, guards);
    const server = new Server();
    const given = subject.handlersFor((db) => handlers.watch(db));
    const options = {
      ...participant,
      barrier: guards ? barrier : crashing(barrier, faults),
      deliver: false,
    };
    // The types were checked where the user called: from here on everything is looked up by name.
    const service = addTcc(
      server,
      definitions,
      handlers.around(given, definitions) as TccHandlers<Definitions>,
      options as AddTccOptions,
    );
    await service.ready();
    const port = await bound(server);
    return new RunningParticipant(server, new UnaryChannel(`127.0.0.1:${port}`), handlers);
  }

  /** Calls once. Never rejects. */
  call(call: OutgoingCall): Promise<UnaryReply> {
    const { method, payload, deadlineMs } = call;
    return this.channel.call({
      method: method.path,
      payload,
      deadlineMs,
      metadata: metadataOf({
        [metadataKeys.gid]: call.gid,
        [metadataKeys.runId]: call.runId,
        [metadataKeys.branchId]: call.branchId,
        [metadataKeys.action]: call.action,
        [metadataKeys.phase]: call.phase,
        [metadataKeys.attempt]: String(call.attempt),
        [metadataKeys.notAfter]: call.phase === 'confirm' ? undefined : String(call.notAfter),
      }),
    });
  }

  /** Ends it at once, with whatever runs. Repeating is safe. */
  stop(): void {
    this.channel.close();
    this.server.forceShutdown();
  }
}

function crashing(barrier: Barrier<unknown>, faults: Faults): Barrier<unknown> {
  return new CrashingBarrier(barrier, faults);
}

function bound(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
