/** One unary call with a generated method definition: encode, call, decode, map the error. Never rejects. */
import { TercetError, grpcCode } from '@tercet/core';
import { type UnaryChannel, metadataOf } from '@tercet/runtime';
import type { Answer, CallBounds } from '../coordinator/coordinator-transport';
import { failedAnswer } from './error-mapping';

/** The part of a generated method that a caller needs. */
export interface WireMethod<Request, Response> {
  readonly path: string;
  requestSerialize(request: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

/** A call, and what its response means. */
export interface WireCall<Request, Response, Reply> {
  readonly method: WireMethod<Request, Response>;
  readonly request: Request;
  /** Throws TercetError where the response makes no sense. */
  readonly read: (response: Response) => Reply;
}

/** A channel and where it leads. */
export interface CoordinatorChannel {
  readonly channel: UnaryChannel;
  readonly address: string;
}

/** Calls the coordinator. */
export async function callCoordinator<Request, Response, Reply>(
  { channel, address }: CoordinatorChannel,
  call: WireCall<Request, Response, Reply>,
  bounds: CallBounds,
): Promise<Answer<Reply>> {
  const reply = await channel.call({
    method: call.method.path,
    payload: call.method.requestSerialize(call.request),
    metadata: metadataOf({}),
    deadlineMs: bounds.deadlineMs,
    signal: bounds.signal,
  });
  if (reply.code !== grpcCode.OK) {
    return failedAnswer(reply, { address, signal: bounds.signal });
  }
  const bytes = reply.payload ?? new Uint8Array();
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { kind: 'ok', reply: call.read(call.method.responseDeserialize(buffer)) };
  } catch (cause) {
    return { kind: 'lost', error: unreadable(call.method.path, cause) };
  }
}

/** The error for an answer that makes no sense; `cause` says why. */
export function unreadable(path: string, cause: unknown): TercetError {
  if (cause instanceof TercetError) return cause;
  return new TercetError('INTERNAL', { message: `the answer of ${path} cannot be read`, cause });
}
