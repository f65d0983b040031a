/** The unary form of a call of a participant: its context and metadata as gRPC metadata, its trailers as a reply. */
import { Metadata } from '@grpc/grpc-js';
import { type Phase, type TraceContext, contextKeys, metadataKeys } from '@tercet/core';
import type { UnaryReply } from '../unary-channel';
import type { CallContext, ParticipantReply, ParticipantRequest } from './participant-request';

type Values = Readonly<Record<string, string | Uint8Array>>;

/** What a call carries, as gRPC metadata. */
export function unaryMetadata({ context, metadata }: ParticipantRequest): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(metadata ?? {})) {
    result.set(key, typeof value === 'string' ? value : Buffer.from(value));
  }
  if (context === undefined) return result;
  result.set(metadataKeys.gid, context.gid);
  result.set(metadataKeys.runId, context.runId);
  result.set(metadataKeys.branchId, context.branchId);
  result.set(metadataKeys.action, context.action);
  result.set(metadataKeys.phase, context.phase);
  result.set(metadataKeys.attempt, String(context.attempt));
  const { notAfter, trace } = context;
  if (notAfter !== undefined) result.set(metadataKeys.notAfter, String(notAfter));
  if (trace === undefined) return result;
  result.set(metadataKeys.traceparent, trace.traceparent);
  if (trace.tracestate !== '') result.set(metadataKeys.tracestate, trace.tracestate);
  return result;
}

/** A unary reply with what its trailers say. */
export function replyOfUnary(reply: UnaryReply): ParticipantReply {
  const { code, message, payload, verdict, retryAfterMs, peer, trailers } = reply;
  const details = trailers.get(metadataKeys.rejectDetails)[0];
  return {
    code,
    message,
    payload,
    verdict,
    retryAfterMs,
    peer,
    rejectDetails: Buffer.isBuffer(details) ? details : undefined,
    branches: branchesOf(trailers),
    sent: true,
  };
}

/** Proxies may join or part the values of one key, and write a blank behind the comma. */
function branchesOf(trailers: Metadata): readonly string[] {
  const values = trailers.get(metadataKeys.branches);
  if (values.length === 0) return [];
  const texts = values.flatMap((text) => String(text).split(','));
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

/**
 * Takes metadata apart into the context of a call and everything else. Where the context is not complete, or not what
 * Tercet would write, it is undefined and all of the metadata is "everything else".
 */
export function splitMetadata(all: Values): Pick<ParticipantRequest, 'context' | 'metadata'> {
  const context = contextIn(all);
  if (context === undefined) return { context, metadata: all };
  let metadata: Record<string, string | Uint8Array> | undefined;
  for (const key in all) {
    const value = all[key];
    if (contextKeys.has(key) || value === undefined) continue;
    metadata ??= {};
    metadata[key] = value;
  }
  return { context, metadata };
}

function contextIn(all: Values): CallContext | undefined {
  const gid = all[metadataKeys.gid];
  const runId = all[metadataKeys.runId];
  const branchId = all[metadataKeys.branchId];
  const action = all[metadataKeys.action];
  if (typeof gid !== 'string' || typeof runId !== 'string') return undefined;
  if (typeof branchId !== 'string' || typeof action !== 'string') return undefined;
  const phase = phaseIn(all);
  const attempt = numberIn(all, metadataKeys.attempt, 9);
  const notAfter = numberIn(all, metadataKeys.notAfter, 15);
  const trace = traceIn(all);
  if (phase === undefined || attempt === undefined || trace === 'incomplete') return undefined;
  if (notAfter === undefined && all[metadataKeys.notAfter] !== undefined) return undefined;
  return { gid, runId, branchId, action, phase, attempt, notAfter, trace };
}

function phaseIn(all: Values): Phase | undefined {
  const phase = all[metadataKeys.phase];
  return phase === 'try' || phase === 'confirm' || phase === 'cancel' ? phase : undefined;
}

/** A number without a leading zero: written again it is the same text. */
function numberIn(all: Values, key: string, digitsMax: number): number | undefined {
  const text = all[key];
  if (typeof text !== 'string' || text.length > digitsMax) return undefined;
  return /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : undefined;
}

function traceIn(all: Values): TraceContext | undefined | 'incomplete' {
  const traceparent = all[metadataKeys.traceparent];
  const tracestate = all[metadataKeys.tracestate] ?? '';
  if (traceparent === undefined && tracestate === '') return undefined;
  if (typeof traceparent !== 'string' || typeof tracestate !== 'string') return 'incomplete';
  return { traceparent, tracestate };
}
