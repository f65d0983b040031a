/** The same call of `reserve`, once unary and once over Deliver, and both answers in the same words. */
import { Metadata } from '@grpc/grpc-js';
import { type MetadataEntry, Phase } from '@tercet/proto';
import { DeliverClient } from './deliver-client';
import { type Peer, callReserve } from './grpc-peer';

/** A call; what is not said is right. */
export interface CallSpec {
  readonly phase?: 'try' | 'confirm' | 'cancel';
  /** `tercet-*` keys and trace; undefined = it is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** What else the caller sends, in this order. */
  readonly entries?: readonly (readonly [string, string | Buffer])[];
  readonly payload?: Buffer;
  readonly deadlineMs?: number;
}

/** An answer. */
export interface Told {
  readonly code: number;
  readonly message: string;
  readonly verdict: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** JSON. */
  readonly details: string | undefined;
  readonly branches: readonly string[];
  readonly reply: string | undefined;
}

/** A way to call a participant. */
export interface Caller {
  readonly name: 'unary' | 'deliver';
  call(spec: CallSpec): Promise<Told>;
  close(): void;
}

/** Both ways to call it. */
export function bothCallers(peer: Peer): readonly Caller[] {
  return [unaryCaller(peer), deliverCaller(peer.address)];
}

function unaryCaller(peer: Peer): Caller {
  return {
    name: 'unary',
    close: () => {},
    async call({ phase = 'try', headers = {}, entries = [], ...over }) {
      const request = unaryMetadata(phase, headers, entries);
      const reply = await callReserve(peer, phase, { ...over, metadata: request });
      const texts = (key: string): readonly string[] => reply.trailers.get(key).map(String);
      return {
        code: reply.code,
        // With OK grpc-js says "OK", which is nothing that anybody told.
        message: reply.code === 0 ? '' : reply.message,
        verdict: reply.verdict,
        retryAfterMs: reply.retryAfterMs,
        details: texts('tercet-reject-details-bin')[0],
        branches: texts('tercet-branches').flatMap((text) => text.split(',')),
        reply: reply.payload === undefined ? undefined : Buffer.from(reply.payload).toString(),
      };
    },
  };
}

function deliverCaller(address: string): Caller {
  const client = new DeliverClient(address);
  return {
    name: 'deliver',
    close: () => client.close(),
    async call({ phase = 'try', headers = {}, entries = [], ...over }) {
      const outcome = await client.call(phase, {
        ...over,
        ...fieldsOf({ ...defaults(phase), ...headers }),
        metadata: entries.map(entryOf),
      });
      return {
        code: outcome.grpcCode,
        message: outcome.message,
        verdict: outcome.verdict === '' ? undefined : outcome.verdict,
        retryAfterMs: outcome.retryAfterMs,
        details: outcome.rejectDetails?.toString(),
        branches: outcome.nestedBranchIds,
        reply: outcome.grpcCode === 0 ? outcome.reply.toString() : undefined,
      };
    },
  };
}

function defaults(phase: string): Readonly<Record<string, string | undefined>> {
  return {
    'tercet-gid': 'order-1',
    'tercet-run-id': 'a'.repeat(32),
    'tercet-branch-id': '1',
    'tercet-action': 'reserve',
    'tercet-phase': phase,
    'tercet-attempt': '1',
    'tercet-not-after': phase === 'confirm' ? undefined : '4000000000000',
  };
}

function unaryMetadata(
  phase: string,
  headers: NonNullable<CallSpec['headers']>,
  entries: NonNullable<CallSpec['entries']>,
): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries({ ...defaults(phase), ...headers })) {
    if (value !== undefined) metadata.set(key, value);
  }
  for (const [key, value] of entries) metadata.add(key, value);
  return metadata;
}

function fieldsOf(headers: Readonly<Record<string, string | undefined>>) {
  const { 'tercet-not-after': notAfter, traceparent, tracestate } = headers;
  const phases: Readonly<Record<string, Phase>> = {
    try: Phase.PHASE_TRY,
    confirm: Phase.PHASE_CONFIRM,
    cancel: Phase.PHASE_CANCEL,
  };
  return {
    gid: headers['tercet-gid'] ?? '',
    runId: headers['tercet-run-id'] ?? '',
    branchId: headers['tercet-branch-id'] ?? '',
    action: headers['tercet-action'] ?? '',
    phase: phases[headers['tercet-phase'] ?? ''] ?? Phase.PHASE_UNSPECIFIED,
    attempt: Number(headers['tercet-attempt'] ?? 0),
    notAfterUnixMs: notAfter === undefined ? undefined : BigInt(notAfter),
    traceContext:
      traceparent === undefined ? undefined : { traceparent, tracestate: tracestate ?? '' },
  };
}

function entryOf([key, value]: readonly [string, string | Buffer]): MetadataEntry {
  return Buffer.isBuffer(value)
    ? { key, value: { $case: 'binary', value } }
    : { key, value: { $case: 'text', value } };
}
