/**
 * The participants' service, in the shape and with the wire format that the code generator gives: one action that
 * reserves, its request 100 bytes and a little.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { defineTcc } from '@tercet/sdk';

/** Request of all three methods. */
export interface ReserveRequest {
  readonly sku: string;
  readonly quantity: number;
}

/** Reply of Try. */
export interface ReserveReply {
  readonly reservationId: string;
}

type Empty = Record<never, never>;

function encodeRequest({ sku, quantity }: ReserveRequest): Buffer {
  const writer = new BinaryWriter();
  if (sku !== '') writer.uint32(10).string(sku);
  if (quantity !== 0) writer.uint32(16).uint32(quantity);
  return Buffer.from(writer.finish());
}

function decodeRequest(bytes: Uint8Array): ReserveRequest {
  const reader = new BinaryReader(bytes);
  let sku = '';
  let quantity = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 10) sku = reader.string();
    else if (tag === 16) quantity = reader.uint32();
    else reader.skip(tag & 7);
  }
  return { sku, quantity };
}

function encodeReply({ reservationId }: ReserveReply): Buffer {
  const writer = new BinaryWriter();
  if (reservationId !== '') writer.uint32(10).string(reservationId);
  return Buffer.from(writer.finish());
}

function decodeReply(bytes: Uint8Array): ReserveReply {
  const reader = new BinaryReader(bytes);
  let reservationId = '';
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 10) reservationId = reader.string();
    else reader.skip(tag & 7);
  }
  return { reservationId };
}

const request = {
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: encodeRequest,
  requestDeserialize: decodeRequest,
};

const emptyReply = {
  responseSerialize: (_value: Empty): Buffer => Buffer.alloc(0),
  responseDeserialize: (_bytes: Uint8Array): Empty => ({}),
};

/** As `BenchService` would be generated. */
export const BenchService = {
  reserveTry: {
    path: '/bench.v1.Bench/ReserveTry' as const,
    ...request,
    responseSerialize: encodeReply,
    responseDeserialize: decodeReply,
  },
  reserveConfirm: { path: '/bench.v1.Bench/ReserveConfirm' as const, ...request, ...emptyReply },
  reserveCancel: { path: '/bench.v1.Bench/ReserveCancel' as const, ...request, ...emptyReply },
} as const;

/** What every Try of every variant sends. */
export const reservation: ReserveRequest = {
  sku: 'article-'.padEnd(96, '0123456789'),
  quantity: 3,
};

const reserve = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;

/** The action as it is measured: every setting its default. */
export const bench = defineTcc(BenchService, { reserve });

/** The same for a participant that hangs: its calls are given up soon, so that a short measurement sees that happen. */
export const impatientBench = defineTcc(
  BenchService,
  { reserve },
  { deadlines: { confirm: '1s' } },
);
