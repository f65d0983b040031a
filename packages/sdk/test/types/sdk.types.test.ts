/** Compile-time promises: `tsc -p tsconfig.check.json` fails where a line below compiles that must not, or the reverse. */
import { describe, expect, it } from '@jest/globals';
import type { Server, handleUnaryCall } from '@grpc/grpc-js';
import {
  type Duration,
  type ResultCodec,
  type RunOptions,
  type RunResult,
  type Tercet,
  type TercetInterceptor,
  type TransactionContext,
  addTcc,
  currentTransaction,
  defineTcc,
} from '@tercet/sdk';
import {
  type ChargeReply,
  type CountReply,
  type Empty,
  type ReserveReply,
  ShopTccService,
  StreamingService,
} from '../support/shop-service';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function seen(..._values: readonly unknown[]): void {}
function holds<T extends true>(): T | undefined {
  return undefined;
}

const reserve = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;
const charge = { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } as const;
const stock = defineTcc(
  ShopTccService,
  { reserve },
  { deadlines: { try: '2s' }, stuckAfter: '5m' },
);
const both = defineTcc(ShopTccService, { reserve, charge: { ...charge, deadlines: { try: 500 } } });

function wrongDefinitions(): void {
  // @ts-expect-error: there is no method of that name
  defineTcc(ShopTccService, { reserve: { ...reserve, try: 'reserveTri' } });
  // @ts-expect-error: the request of cancel is another message
  defineTcc(ShopTccService, { reserve: { ...reserve, cancel: 'chargeCancel' } });
  // @ts-expect-error: the request of confirm is another message
  defineTcc(ShopTccService, { reserve: { ...reserve, confirm: 'chargeConfirm' } });
  // @ts-expect-error: an action has three methods
  defineTcc(ShopTccService, { reserve: { try: 'reserveTry', confirm: 'reserveConfirm' } });
  // @ts-expect-error: a method that streams is no phase of an action
  defineTcc(StreamingService, { reserve: { ...reserve, try: 'watch' } });
  // @ts-expect-error: no such setting of an action
  defineTcc(ShopTccService, { reserve: { ...reserve, deadline: '2s' } });
  // @ts-expect-error: no such option
  defineTcc(ShopTccService, { reserve }, { timeout: '2s' });
  // @ts-expect-error: a time needs its unit
  defineTcc(ShopTccService, { reserve }, { stuckAfter: '5' });
}

async function initiator(tx: TransactionContext, result: RunResult<{ id: string }>): Promise<void> {
  const shop = tx.use(both, { target: 'dns:///shop:50051' });
  const [held, paid] = await tx.all([
    shop.reserve({ sku: 'a', quantity: 1 }, { deadline: '1s' }),
    shop.charge({ account: 'b', cents: 2 }),
  ]);
  holds<Same<typeof held, ReserveReply>>();
  holds<Same<typeof paid, ChargeReply>>();
  seen(held, paid);
  // @ts-expect-error: the request has no such field
  await shop.reserve({ sku: 'a', quantity: 1, colour: 'red' });
  // @ts-expect-error: a field is missing
  await shop.reserve({ sku: 'a' });
  // @ts-expect-error: a field has another type
  await shop.reserve({ sku: 1, quantity: 1 });
  // @ts-expect-error: the reply has no such field
  seen(held.holdId);
  // @ts-expect-error: the definition has no such action
  seen(shop.ship);
  // @ts-expect-error: a target is needed
  tx.use(both, {});
  if (result.attached) holds<Same<typeof result.value, { id: string } | undefined>>();
  else holds<Same<typeof result.value.id, string>>();
  // @ts-expect-error: an attached run may have no value
  seen(result.value.id);
}

/** Results and interceptors. */
async function around(tercet: Tercet, codec: ResultCodec<{ id: string }>): Promise<void> {
  const options: RunOptions = { name: 'checkout', phaseTwoOrder: 'reverse' };
  const typed = await tercet.run({ ...options, result: codec }, () => ({ id: 'a' }));
  holds<Same<typeof typed, RunResult<{ id: string }>>>();
  // A codec does not change what the callback's value is.
  const plain = await tercet.run(options, () => 7);
  holds<Same<typeof plain.value, number | undefined>>();
  seen(typed, plain);
  // @ts-expect-error: the codec is for another value
  await tercet.run({ ...options, result: codec }, () => 7);
  // @ts-expect-error: only along a DAG, which is not built
  seen({ name: 'checkout', phaseTwoOrder: 'dag' } satisfies RunOptions);
  const interceptor: TercetInterceptor = {
    run: async (info, next) => {
      holds<Same<typeof info.gid, string>>();
      const result = await next({ traceparent: 'x' });
      // @ts-expect-error: its value may be anything
      seen(result.value.id);
    },
    try: (call, next) => {
      // @ts-expect-error: what is sent can only be added to
      call.metadata['x'] = 'y';
      return next({ metadata: { 'x-a': 'b', 'x-b-bin': new Uint8Array() } });
    },
  };
  seen(interceptor, currentTransaction()?.branchId);
}

const count: handleUnaryCall<Empty, CountReply> = (_call, callback) => callback(null, { count: 1 });
const reserving = {
  try: async () => ({ reservationId: 'r' }),
  confirm: async () => {},
  cancel: () => {},
};
const charging = {
  try: () => ({ chargeId: 'c', balance: 0 }),
  confirm: () => {},
  cancel: () => ({}),
};

function participant(server: Server): void {
  const payment = defineTcc(ShopTccService, { charge });
  addTcc(server, [stock, payment], { reserve: reserving, charge: charging, count });
  addTcc(server, both, {
    reserve: {
      try: async (request, ctx) => {
        holds<Same<typeof request.quantity, number>>();
        holds<Same<typeof ctx.attempt, number>>();
        if (request.quantity > 1) ctx.reject('too many', { left: 1 });
        const nested = ctx.use(both, { target: 'dns:///shop:50051' });
        const paid = await nested.charge({ account: 'b', cents: 2 }, { deadline: '1s' });
        holds<Same<typeof paid, ChargeReply>>();
        seen(paid);
        // @ts-expect-error: a field is missing
        await nested.charge({ account: 'b' });
        return { reservationId: request.sku };
      },
      confirm: async () => {},
      cancel: async () => {},
    },
    charge: charging,
    count,
  });
  const rest = { charge: charging, count };
  // @ts-expect-error: the handler of cancel is missing
  addTcc(server, both, { ...rest, reserve: { try: reserving.try, confirm: reserving.confirm } });
  // @ts-expect-error: an action has no handlers
  addTcc(server, both, { reserve: reserving, count });
  // @ts-expect-error: the service's ordinary method has no handler
  addTcc(server, both, { reserve: reserving, charge: charging });
  // @ts-expect-error: the reply has another field
  addTcc(server, both, { ...rest, reserve: { ...reserving, try: () => ({ holdId: 'r' }) } });
  // @ts-expect-error: a Try must answer
  addTcc(server, both, { ...rest, reserve: { ...reserving, try: async () => {} } });
}

describe('types of the SDK', () => {
  it('are checked by the compiler; here only that the right definitions also work', () => {
    const times: readonly Duration[] = [5, '500ms', '2s', '5m', '1h'];
    expect(times).toHaveLength(5);
    const checks = [wrongDefinitions, initiator, around, participant];
    expect(new Set(checks.map((check) => typeof check))).toEqual(new Set(['function']));
    expect(Object.keys(both.actions)).toEqual(['reserve', 'charge']);
  });
});
