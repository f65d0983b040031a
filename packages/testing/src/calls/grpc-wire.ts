/**
 * Calls over real gRPC.
 *
 * W1 A call has no gRPC deadline: real time must not end what counts in virtual time.
 * W2 A lost connection is not waited for: grpc-js's own backoff counts in real time, during which hours of the test pass.
 *    The next call connects anew.
 */
import { type ConnectionState, UnaryChannel, replyOfUnary, unaryMetadata } from '@tercet/runtime';
import type { ParticipantReply } from '@tercet/runtime';
import { grpcCode } from '@tercet/core';
import { type Wire, type WireCall, deadlineKey, madeReply } from './outgoing-call';

interface Line {
  readonly channel: UnaryChannel;
  running: number;
  closing: boolean;
}

/** All connections of a test coordinator and its clients to participants. */
export class GrpcWire implements Wire {
  private readonly lines = new Map<string, Line>();
  private readonly down = new Set<string>();

  async send(call: WireCall): Promise<ParticipantReply> {
    const { target, method, payload, signal } = call;
    let line: Line;
    try {
      line = this.lineTo(target);
    } catch (error) {
      return madeReply(grpcCode.UNAVAILABLE, `cannot call ${target}: ${textOfError(error)}`);
    }
    line.running++;
    try {
      const metadata = unaryMetadata(call);
      metadata.set(deadlineKey, String(call.deadlineAt));
      const request = { method, payload, metadata, deadlineMs: Number.POSITIVE_INFINITY, signal };
      const reply = replyOfUnary(await line.channel.call(request));
      this.judge(target, line, reply.code);
      return reply;
    } catch (error) {
      // The channel never rejects: it is the metadata that gRPC does not take.
      const text = `metadata: ${textOfError(error)}`;
      return madeReply(grpcCode.INVALID_ARGUMENT, text, { sent: false });
    } finally {
      line.running--;
      if (line.closing && line.running === 0) line.channel.close();
    }
  }

  connection(target: string): ConnectionState {
    if (this.down.has(target)) return 'down';
    return this.lines.get(target)?.channel.connection ?? 'unknown';
  }

  close(): void {
    for (const { channel } of this.lines.values()) channel.close();
    this.lines.clear();
  }

  private lineTo(target: string): Line {
    const known = this.lines.get(target);
    if (known !== undefined) return known;
    const channel = new UnaryChannel(target, { channel: { 'grpc.use_local_subchannel_pool': 1 } });
    const line = { channel, running: 0, closing: false };
    this.lines.set(target, line);
    return line;
  }

  /** W2. */
  private judge(target: string, line: Line, code: number): void {
    if (code !== grpcCode.UNAVAILABLE || line.channel.connection === 'ready') {
      if (code !== grpcCode.CANCELLED) this.down.delete(target);
      return;
    }
    this.down.add(target);
    line.closing = true;
    if (this.lines.get(target) === line) this.lines.delete(target);
  }
}

function textOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
