/** All open sessions of a server: grpc-js's streams on one side, `SessionStream` on the other. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { TercetError } from '@tercet/core';
import type { SessionRequest, SessionResponse } from '@tercet/proto';
import { toServiceError } from '../error-mapping';
import { type SessionDeps, SessionStream, type SessionWire } from './session-stream';

/** A stream as grpc-js brings it. */
export type SessionCall = ServerDuplexStream<SessionRequest, SessionResponse>;

/** Opens a session for each stream that comes, and ends them all with the server. */
export class Sessions {
  private readonly streams = new Set<SessionStream>();
  private draining = false;

  constructor(private readonly deps: SessionDeps) {}

  /** How many are open. */
  get size(): number {
    return this.streams.size;
  }

  /** A client opened a stream. While the server drains it is refused with SHUTTING_DOWN. */
  accept(call: SessionCall): void {
    const wire = this.wireOf(call);
    if (this.draining) return wire.fail(new TercetError('SHUTTING_DOWN'));
    const stream = new SessionStream(wire, this.deps, () => this.streams.delete(stream));
    this.streams.add(stream);
    call.on('data', (request: SessionRequest) => stream.receive(request));
    call.on('drain', () => stream.drained());
    call.on('end', () => stream.halfClosed());
    // Bytes that are no message, a message too large, a broken connection: all of them end in `cancelled`.
    call.on('cancelled', () => stream.gone());
    call.on('close', () => stream.gone());
    stream.open();
  }

  /** Tells every client to go elsewhere; takes no new streams. Each stream ends when its commands are answered. */
  drain(): void {
    this.draining = true;
    for (const stream of this.streams) stream.drain();
  }

  /** Gives up all that are left. */
  close(): void {
    this.draining = true;
    for (const stream of this.streams) stream.gone();
  }

  private wireOf(call: SessionCall): SessionWire {
    return {
      write: (response) => call.write(response),
      pause: () => void call.pause(),
      resume: () => void call.resume(),
      end: () => call.end(),
      fail: (error) => void call.emit('error', toServiceError(error, this.deps.report)),
    };
  }
}
