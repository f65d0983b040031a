/** A small service in the shape that ts-proto generates. Messages travel as JSON; no bytes are the empty message. */

export interface ReserveRequest {
  sku: string;
  quantity: number;
}

export interface ReserveReply {
  reservationId: string;
}

export interface ChargeRequest {
  account: string;
  cents: number;
}

export interface ChargeReply {
  chargeId: string;
  balance: number;
}

export interface CountReply {
  count: number;
}

export type Empty = Record<never, never>;

function encoded(value: unknown): Buffer {
  const text = JSON.stringify(value);
  return text === '{}' ? Buffer.alloc(0) : Buffer.from(text);
}

/** Decodes as a generated codec does: absent fields get their default. */
function decoded<T extends object>(bytes: Buffer, empty: T): T {
  return bytes.length === 0 ? empty : { ...empty, ...(JSON.parse(bytes.toString('utf8')) as T) };
}

const reserveRequest = {
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: (value: ReserveRequest): Buffer => encoded(value),
  requestDeserialize: (value: Buffer): ReserveRequest => decoded(value, { sku: '', quantity: 0 }),
};

const chargeRequest = {
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: (value: ChargeRequest): Buffer => encoded(value),
  requestDeserialize: (value: Buffer): ChargeRequest => decoded(value, { account: '', cents: 0 }),
};

const emptyReply = {
  responseSerialize: (value: Empty): Buffer => encoded(value),
  responseDeserialize: (value: Buffer): Empty => decoded(value, {}),
};

/** As `ShopTccService` would be generated. */
export const ShopTccService = {
  reserveTry: {
    path: '/shop.ShopTcc/ReserveTry' as const,
    ...reserveRequest,
    responseSerialize: (value: ReserveReply): Buffer => encoded(value),
    responseDeserialize: (value: Buffer): ReserveReply => decoded(value, { reservationId: '' }),
  },
  reserveConfirm: {
    path: '/shop.ShopTcc/ReserveConfirm' as const,
    ...reserveRequest,
    ...emptyReply,
  },
  reserveCancel: { path: '/shop.ShopTcc/ReserveCancel' as const, ...reserveRequest, ...emptyReply },
  chargeTry: {
    path: '/shop.ShopTcc/ChargeTry' as const,
    ...chargeRequest,
    responseSerialize: (value: ChargeReply): Buffer => encoded(value),
    responseDeserialize: (value: Buffer): ChargeReply =>
      decoded(value, { chargeId: '', balance: 0 }),
  },
  chargeConfirm: { path: '/shop.ShopTcc/ChargeConfirm' as const, ...chargeRequest, ...emptyReply },
  chargeCancel: { path: '/shop.ShopTcc/ChargeCancel' as const, ...chargeRequest, ...emptyReply },
  count: {
    path: '/shop.ShopTcc/Count' as const,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: (value: Empty): Buffer => encoded(value),
    requestDeserialize: (value: Buffer): Empty => decoded(value, {}),
    responseSerialize: (value: CountReply): Buffer => encoded(value),
    responseDeserialize: (value: Buffer): CountReply => decoded(value, { count: 0 }),
  },
} as const;

/** Another service with the same messages. */
export const DepotTccService = {
  reserveTry: { ...ShopTccService.reserveTry, path: '/shop.DepotTcc/ReserveTry' as const },
  reserveConfirm: {
    ...ShopTccService.reserveConfirm,
    path: '/shop.DepotTcc/ReserveConfirm' as const,
  },
  reserveCancel: { ...ShopTccService.reserveCancel, path: '/shop.DepotTcc/ReserveCancel' as const },
} as const;

/** The same with a method that streams: no action may name it. */
export const StreamingService = {
  ...ShopTccService,
  watch: {
    ...ShopTccService.count,
    path: '/shop.ShopTcc/Watch' as const,
    responseStream: true as const,
  },
} as const;
