/** Commands and outcomes of a Deliver stream ↔ calls and replies. */
import type { DeliverCommand, DeliverHello, DeliverOutcome, MetadataEntry } from '@tercet/proto';
import { PROTOCOL_VERSION, grpcCode } from '@tercet/core';
import { knownCode } from '../unary-channel';
import * as wireEnums from '../wire-enums';
import type { CallKind } from './credits';
import type {
  ParticipantReply,
  ParticipantRequest,
  StreamableRequest,
} from './participant-request';

/** The most that a field of 32 bits holds. */
const UINT32_MAX = 4_294_967_295;
/** As for the trailer of a unary call: 9 digits. */
const RETRY_AFTER_MS_MAX = 999_999_999;
/** What the fields without text add to a command, roughly. */
const FIXED_BYTES = 64;
const noEntries: MetadataEntry[] = [];
const noBranches: readonly string[] = [];

/** What a participant takes on one stream. */
export interface Offer {
  /** A Try may be sent again. */
  readonly barrier: boolean;
  /** How long its barrier remembers a finished branch at least, ms; undefined = it does not say. */
  readonly barrierRetentionMs: number | undefined;
  /** Whether calls of this method are taken. */
  takes(method: string): boolean;
  /** Unanswered calls that it takes at a time; 0 = none of that kind. */
  readonly credits: Readonly<Record<CallKind, number>>;
}

/** Reads a Hello. A text = why it cannot be used. */
export function offerOf(hello: DeliverHello | undefined): Offer | string {
  if (hello === undefined) return 'its first message says no Hello';
  if (hello.protocolVersion !== PROTOCOL_VERSION) {
    return `it speaks version ${hello.protocolVersion} of the contracts, this side ${PROTOCOL_VERSION}`;
  }
  const credits = { try: hello.maxInFlightTry, phaseTwo: hello.maxInFlightPhaseTwo };
  if (credits.try === 0 && credits.phaseTwo === 0) return 'it takes no calls at a time';
  if (hello.methods.length === 0) return 'it names no method';
  const methods = new Set(hello.methods);
  const { barrier, barrierRetentionMs: retention } = hello;
  // No barrier forgets at once: it says nothing that could be used.
  const barrierRetentionMs =
    retention === undefined || retention <= 0n ? undefined : Number(retention);
  return { barrier, barrierRetentionMs, takes: (method) => methods.has(method), credits };
}

/** The command of a call with `deadlineMs` left. */
export function commandOf(
  request: StreamableRequest,
  id: number,
  deadlineMs: number,
): DeliverCommand {
  const { context, payload, metadata } = request;
  const { notAfter, trace } = context;
  return {
    id,
    method: request.method,
    // The encoder takes any bytes.
    payload: payload as Buffer,
    deadlineMs: Math.min(UINT32_MAX, Math.max(1, Math.ceil(deadlineMs))),
    gid: context.gid,
    runId: context.runId,
    branchId: context.branchId,
    action: context.action,
    phase: wireEnums.phase.toWire(context.phase),
    attempt: context.attempt,
    notAfterUnixMs: notAfter === undefined ? undefined : BigInt(Math.trunc(notAfter)),
    traceContext: trace === undefined ? undefined : { ...trace },
    metadata: metadata === undefined ? noEntries : entriesOf(metadata),
  };
}

/** Bytes of a call's command on the wire, roughly. */
export function commandBytes({ method, payload, context, metadata }: StreamableRequest): number {
  const { gid, runId, branchId, action, trace } = context;
  let bytes = FIXED_BYTES + payload.byteLength + method.length + action.length;
  bytes += gid.length + runId.length + branchId.length;
  if (trace !== undefined) bytes += trace.traceparent.length + trace.tracestate.length;
  if (metadata === undefined) return bytes;
  for (const key in metadata) bytes += key.length + (metadata[key]?.length ?? 0) + 8;
  return bytes;
}

/** How the command of a call ended, told by `peer`. */
export function replyOfOutcome(outcome: DeliverOutcome, peer: string): ParticipantReply {
  const code = knownCode(outcome.grpcCode);
  const { retryAfterMs, verdict, nestedBranchIds } = outcome;
  return {
    code,
    message: outcome.message,
    payload: code === grpcCode.OK ? outcome.reply : undefined,
    verdict: verdict === '' ? undefined : verdict,
    retryAfterMs:
      retryAfterMs === undefined || retryAfterMs > RETRY_AFTER_MS_MAX ? undefined : retryAfterMs,
    rejectDetails: outcome.rejectDetails,
    branches: nestedBranchIds.length === 0 ? noBranches : nestedBranchIds,
    peer,
    sent: true,
  };
}

function entriesOf(metadata: NonNullable<ParticipantRequest['metadata']>): MetadataEntry[] {
  return Object.entries(metadata).map(([key, value]) => ({
    key: key.toLowerCase(),
    value:
      typeof value === 'string'
        ? { $case: 'text', value }
        : { $case: 'binary', value: Buffer.from(value) },
  }));
}
