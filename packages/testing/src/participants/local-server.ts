/** A grpc-js server that listens nowhere: its handlers are called in this process, with the same encoding both ways. */
import { EventEmitter } from 'node:events';
import {
  Metadata,
  Server,
  type ServiceDefinition,
  type StatusObject,
  type UntypedServiceImplementation,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import { grpcCode } from '@tercet/core';
import { type ParticipantReply, replyOfUnary, textOf, unaryMetadata } from '@tercet/runtime';
import { type WireCall, madeReply } from '../calls/outgoing-call';

type Handler = handleUnaryCall<unknown, unknown>;
type Method = ServiceDefinition[string];

/** A server without sockets. */
export class LocalServer extends Server {
  private readonly methods = new Map<
    string,
    { readonly method: Method; readonly handler: Handler }
  >();

  override addService(
    service: ServiceDefinition,
    implementation: UntypedServiceImplementation,
  ): void {
    super.addService(service, implementation);
    for (const [name, method] of Object.entries(service)) {
      const handler = implementation[name] as Handler | undefined;
      if (handler !== undefined) this.methods.set(method.path, { method, handler });
    }
  }

  /** Calls a handler. Resolves with whatever it answered, never rejects. */
  serve(call: WireCall): Promise<ParticipantReply> {
    const found = this.methods.get(call.method);
    if (found === undefined) {
      const text = `The server does not implement the method ${call.method}`;
      return Promise.resolve(madeReply(grpcCode.UNIMPLEMENTED, text));
    }
    const { method, handler } = found;
    let request: unknown;
    try {
      request = method.requestDeserialize(Buffer.from(call.payload));
    } catch {
      // Word for word what grpc-js answers.
      return Promise.resolve(madeReply(grpcCode.INTERNAL, 'Error deserializing request'));
    }
    return new Promise((resolve) => {
      const incoming = new LocalCall(request, call);
      const leave = (): void => {
        incoming.leave();
        resolve(madeReply(grpcCode.CANCELLED, 'Cancelled on client'));
      };
      call.signal.addEventListener('abort', leave, { once: true });
      const answer: Parameters<Handler>[1] = (error, value, trailers) => {
        call.signal.removeEventListener('abort', leave);
        resolve(
          error === null ? okReply(method, value, trailers ?? new Metadata()) : failedReply(error),
        );
        // grpc-js says so after every call's end.
        incoming.leave();
      };
      handler(incoming as never, answer);
    });
  }
}

/** What a handler of grpc-js is given. */
class LocalCall extends EventEmitter {
  cancelled = false;
  readonly metadata: Metadata;
  readonly path: string;

  constructor(
    readonly request: unknown,
    private readonly call: WireCall,
  ) {
    super();
    this.metadata = unaryMetadata(call);
    this.path = call.method;
  }

  getDeadline(): number {
    return this.call.deadlineAt;
  }

  getPeer(): string {
    return 'in-process';
  }

  getPath(): string {
    return this.path;
  }

  sendMetadata(): void {}

  leave(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.emit('cancelled');
  }
}

function okReply(method: Method, value: unknown, trailers: Metadata): ParticipantReply {
  return replyWith({
    code: grpcCode.OK,
    message: '',
    trailers,
    payload: method.responseSerialize(value),
  });
}

function failedReply({ code, details, metadata }: Partial<StatusObject>): ParticipantReply {
  const trailers = metadata ?? new Metadata();
  return replyWith({
    code: code ?? grpcCode.UNKNOWN,
    message: details ?? '',
    trailers,
    payload: undefined,
  });
}

function replyWith(said: {
  readonly code: number;
  readonly message: string;
  readonly trailers: Metadata;
  readonly payload: Uint8Array | undefined;
}): ParticipantReply {
  const retryAfter = textOf(said.trailers, 'tercet-retry-after-ms');
  return replyOfUnary({
    ...said,
    verdict: textOf(said.trailers, 'tercet-verdict'),
    retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter),
    peer: 'in-process',
  });
}
