/**
 * The one outbound gRPC call: bytes in, bytes out, never rejects. The coordinator calls participants with it and
 * the SDK calls coordinators and participants, so callbacks, deadlines and cancellation are adapted once.
 */
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
  type StatusObject,
  connectivityState,
  credentials,
  status,
} from '@grpc/grpc-js';
import { type CallReply, type CallSignal, metadataKeys } from '@tercet/core';
import { systemClock } from '../system-clock';
import { systemScheduler } from '../system-scheduler';
import { ReadyWatch } from './ready-watch';

/** One unary call. */
export interface UnaryRequest {
  /** Full method path: `/shop.StockTcc/ReserveTry`. */
  readonly method: string;
  /** Encoded request. */
  readonly payload: Uint8Array;
  /** Request metadata. */
  readonly metadata: Metadata;
  /** gRPC deadline, milliseconds from now. */
  readonly deadlineMs: number;
  /** Gives the call up: it ends with CANCELLED, the server sees it too. */
  readonly signal?: CallSignal | undefined;
}

/** How it ended: the reply's bytes where the status is OK, and everything the server sent besides. */
export interface UnaryReply extends CallReply {
  /** Encoded response; undefined unless the code is OK. */
  readonly payload: Uint8Array | undefined;
  /** Trailing metadata. */
  readonly trailers: Metadata;
}

/** A stream of messages in both directions. */
export interface DuplexRequest<Out, In> {
  /** Full method path: `/tercet.v1.Coordinator/Session`. */
  readonly method: string;
  /** Encodes a message; called once for each, when it is written. */
  readonly serialize: (message: Out) => Buffer;
  /** Decodes a message; where it throws, the stream ends with INTERNAL. */
  readonly deserialize: (bytes: Buffer) => In;
  /** Request metadata. Default: none. */
  readonly metadata?: Metadata | undefined;
}

/** How a channel is made. */
export interface UnaryChannelOptions {
  /** Default: no TLS. */
  readonly credentials?: ChannelCredentials | undefined;
  /** More channel options of grpc-js. */
  readonly channel?: ChannelOptions | undefined;
}

/**
 * What is known of a channel's connection.
 * - `ready`: there is one.
 * - `down`: there is none, and the last attempt to connect, or to resolve the name, failed.
 * - `unknown`: nobody tried yet, an attempt is under way, or a connection was lost and nobody has called since.
 */
export type ConnectionState = 'ready' | 'down' | 'unknown';

/** Options of every channel that leaves from here. */
export const channelDefaults: ChannelOptions = {
  // grpc-js was seen to wait 27 s after an outage of 60 s: back within 5 s after the server is.
  'grpc.initial_reconnect_backoff_ms': 250,
  'grpc.max_reconnect_backoff_ms': 5_000,
  // 30 s by default: a participant that comes back under another address would be found that much later.
  'grpc.dns_min_time_between_resolutions_ms': 5_000,
  // A call that was repeated below us would count as one attempt and could start a Try twice.
  'grpc.enable_retries': 0,
  // A target must never send us elsewhere: no service config from DNS, no proxy from the environment.
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
};

/** A channel to one target. Connects at the first call, and again at the next one after a loss. */
export class UnaryChannel {
  private readonly client: Client;
  private readonly readiness: ReadyWatch;

  constructor(target: string, options: UnaryChannelOptions = {}) {
    this.client = new Client(target, options.credentials ?? credentials.createInsecure(), {
      ...channelDefaults,
      ...options.channel,
    });
    this.readiness = new ReadyWatch(this.client.getChannel(), systemScheduler);
  }

  /** What is known of the connection; asking does not make the channel connect. */
  get connection(): ConnectionState {
    switch (this.client.getChannel().getConnectivityState(false)) {
      case connectivityState.READY:
        return 'ready';
      case connectivityState.TRANSIENT_FAILURE:
        return 'down';
      case connectivityState.IDLE:
      case connectivityState.CONNECTING:
      case connectivityState.SHUTDOWN:
      default:
        return 'unknown';
    }
  }

  /** Whether anybody waits for this channel to become ready. */
  get watched(): boolean {
    return this.readiness.active;
  }

  /**
   * Tells `listener` once when the channel becomes ready, which one that is ready now does only after a loss. Until then
   * the channel keeps connecting. Returns what stops the watching; calling that twice, or too late, does nothing.
   * A closed channel tells nobody.
   */
  whenReady(listener: () => void): () => void {
    return this.readiness.add(listener);
  }

  /** Calls once. Resolves with whatever happened, the channel's own failures included. Never repeats by itself. */
  call(request: UnaryRequest): Promise<UnaryReply> {
    if (request.signal?.aborted === true) return Promise.resolve(givenUp());
    return new Promise((resolve) => {
      const { signal } = request;
      let failure: ServiceError | null = null;
      let payload: Uint8Array | undefined;
      const call = this.client.makeUnaryRequest<Uint8Array, Uint8Array>(
        request.method,
        (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        (bytes) => bytes,
        request.payload,
        request.metadata,
        { deadline: systemClock.now() + request.deadlineMs },
        (error, reply) => {
          failure = error;
          payload = reply;
        },
      );
      const abort = (): void => call.cancel();
      signal?.addEventListener('abort', abort, { once: true });
      // grpc-js emits `status` last, after the callback, on every path.
      call.on('status', (ended: StatusObject) => {
        signal?.removeEventListener('abort', abort);
        const code = failure === null ? status.OK : knownCode(failure.code);
        resolve(
          replyOf(code, essenceOf(failure?.details ?? ended.details), {
            payload,
            trailers: ended.metadata,
            peer: call.getPeer(),
          }),
        );
      });
    });
  }

  /**
   * Opens a stream without a deadline. Whoever opens it listens to `error`, which Node throws where nobody does, and
   * to `status`, which tells the end on every path; {@link essenceOf} finds the inside of its details.
   */
  duplex<Out, In>(request: DuplexRequest<Out, In>): ClientDuplexStream<Out, In> {
    const { method, serialize, deserialize, metadata } = request;
    return this.client.makeBidiStreamRequest(
      method,
      serialize,
      deserialize,
      metadata ?? new Metadata(),
    );
  }

  /** Ends the connection; running calls end with an error. Repeating is safe. */
  close(): void {
    this.readiness.close();
    this.client.close();
  }
}

/** A server may send any number, or none: what is no status of gRPC counts as UNKNOWN, and never leaves here. */
export function knownCode(code: number): number {
  return status[code] === undefined ? status.UNKNOWN : code;
}

function replyOf(
  code: number,
  message: string,
  rest: { payload: Uint8Array | undefined; trailers: Metadata; peer: string | undefined },
): UnaryReply {
  return {
    code,
    message,
    payload: code === (status.OK as number) ? rest.payload : undefined,
    trailers: rest.trailers,
    verdict: textOf(rest.trailers, metadataKeys.verdict),
    retryAfterMs: millisecondsOf(rest.trailers, metadataKeys.retryAfterMs),
    peer: rest.peer === 'unknown' ? undefined : rest.peer,
  };
}

/**
 * grpc-js frames what the operating system said, and appends the inner states of the channel to a passed deadline
 * (",metadata filters: 0.001s,Waiting for LB pick"). People look for the inside.
 */
export function essenceOf(details: string): string {
  if (details.startsWith('Deadline exceeded after ')) return details.replace(/,.*$/s, '');
  const wrapped =
    /^No connection established\. Last error: (?:Error: )?(.*?)\.? ?Resolution note: ?$/s;
  const inside = wrapped.exec(details)?.[1];
  return inside === undefined || inside === '' || inside === 'null' ? details : inside;
}

function givenUp(): UnaryReply {
  return replyOf(status.CANCELLED, 'given up before it was sent', {
    payload: undefined,
    trailers: new Metadata(),
    peer: undefined,
  });
}

/** The first value of an ASCII metadata key, or undefined. */
export function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}

function millisecondsOf(metadata: Metadata, key: string): number | undefined {
  const text = textOf(metadata, key);
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Metadata of plain texts; undefined values are left out. */
export function metadataOf(texts: Readonly<Record<string, string | undefined>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(texts)) {
    if (value !== undefined) metadata.set(key, value);
  }
  return metadata;
}
