/** A small service in the shape that ts-proto generates, with one action. Messages travel as JSON; no bytes are the empty message. */
import { defineTcc } from '@tercet/sdk';

export interface ReserveRequest {
  sku: string;
  quantity: number;
}

export interface ReserveReply {
  reservationId: string;
}

type Empty = Record<never, never>;

function encoded(value: unknown): Buffer {
  const text = JSON.stringify(value);
  return text === '{}' ? Buffer.alloc(0) : Buffer.from(text);
}

function decoded<T extends object>(bytes: Buffer, empty: T): T {
  return bytes.length === 0 ? empty : { ...empty, ...(JSON.parse(bytes.toString('utf8')) as T) };
}

const request = {
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: (value: ReserveRequest): Buffer => encoded(value),
  requestDeserialize: (value: Buffer): ReserveRequest => decoded(value, { sku: '', quantity: 0 }),
};

const empty = {
  responseSerialize: (value: Empty): Buffer => encoded(value),
  responseDeserialize: (value: Buffer): Empty => decoded(value, {}),
};

/** As `StockTccService` would be generated. */
export const StockTccService = {
  reserveTry: {
    path: '/shop.StockTcc/ReserveTry' as const,
    ...request,
    responseSerialize: (value: ReserveReply): Buffer => encoded(value),
    responseDeserialize: (value: Buffer): ReserveReply => decoded(value, { reservationId: '' }),
  },
  reserveConfirm: { path: '/shop.StockTcc/ReserveConfirm' as const, ...request, ...empty },
  reserveCancel: { path: '/shop.StockTcc/ReserveCancel' as const, ...request, ...empty },
} as const;

/** Its definition. */
export const stock = defineTcc(StockTccService, {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
});
