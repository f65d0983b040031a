/** Calls without sockets: to the participants that this process serves. */
import { grpcCode } from '@tercet/core';
import type { ConnectionState, ParticipantReply } from '@tercet/runtime';
import { type Wire, type WireCall, madeReply } from '../calls/outgoing-call';
import type { LocalServer } from './local-server';

/** All participants of one test coordinator. */
export class LocalWire implements Wire {
  private readonly servers = new Map<string, LocalServer>();
  private ports = 0;

  /** Takes a participant on, at a free "port" where none is asked for. Returns its target. */
  add(server: LocalServer, port: number): string {
    // Never connected to; an address, because names would be looked up.
    const target = `127.0.0.1:${port === 0 ? ++this.ports : port}`;
    this.servers.set(target, server);
    return target;
  }

  /** The participant is gone. */
  remove(target: string): void {
    this.servers.delete(target);
  }

  /** Whether somebody is there. */
  has(target: string): boolean {
    return this.servers.has(target);
  }

  async send(call: WireCall): Promise<ParticipantReply> {
    const server = this.servers.get(call.target);
    if (server !== undefined) return server.serve(call);
    const text = `no participant is served at ${call.target}: with inProcess: true only those of env.serve can be called`;
    return madeReply(grpcCode.UNAVAILABLE, text);
  }

  connection(target: string): ConnectionState {
    return this.servers.has(target) ? 'ready' : 'down';
  }

  close(): void {
    this.servers.clear();
  }
}
