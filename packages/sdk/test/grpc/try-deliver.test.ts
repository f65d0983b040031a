/** A Try through the SDK's own caller, at a participant made with addTcc: over Deliver, and unary where it is told to. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type ServerInterceptor, ServerInterceptingCall } from '@grpc/grpc-js';
import { TccReject, type TryCall, type TryReply } from '@tercet/sdk';
import { GrpcTryCaller } from '../../src/grpc/grpc-try-caller';
import { ShopTccService } from '../support/shop-service';
import { type Handlers, startShop } from '../support/shop-participant';

const opened: { close?(): void; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    each.close?.();
    await each.stop?.();
  }
});

/** A participant that remembers what each call had, and a caller. */
async function aShop(
  handlers: Handlers = {},
  options: ConstructorParameters<typeof GrpcTryCaller>[0] = {},
) {
  /** What the server itself was called with: one entry for each stream, one for each unary call. */
  const called: string[] = [];
  const seen: { gid: string; attempt: number; tenant: unknown }[] = [];
  const watched: Handlers = {
    ...handlers,
    try: async (request, ctx) => {
      const { gid, attempt, metadata } = ctx;
      seen.push({ gid, attempt, tenant: metadata.get('x-tenant')[0] });
      await handlers.try?.(request, ctx);
    },
  };
  const watching: ServerInterceptor = ({ path }, call) => {
    called.push(path);
    return new ServerInterceptingCall(call);
  };
  const shop = await startShop(watched, { deliver: true }, { interceptors: [watching] });
  const caller = new GrpcTryCaller(options);
  opened.push(shop, caller);
  const call = (over: Partial<TryCall> = {}): Promise<TryReply> =>
    caller.call({
      target: shop.address,
      method: ShopTccService.reserveTry.path,
      payload: ShopTccService.reserveTry.requestSerialize({ sku: 'tea', quantity: 1 }),
      metadata: {
        'x-tenant': 'blue',
        'tercet-gid': 'order-1',
        'tercet-run-id': 'a'.repeat(32),
        'tercet-branch-id': '1',
        'tercet-action': 'reserve',
        'tercet-phase': 'try',
        'tercet-attempt': '3',
        'tercet-not-after': '4000000000000',
      },
      deadlineMs: 5_000,
      signal: new AbortController().signal,
      ...over,
    });
  return { shop, caller, seen, called, call };
}

describe('a Try over Deliver', () => {
  it('reaches the handler with everything, and brings its reply', async () => {
    const { shop, seen, called, call } = await aShop();
    for (let n = 0; n < 3; n++) {
      const reply = await call();
      expect(reply).toMatchObject({ code: 0, sent: true, branches: [] });
      expect(reply.peer).toBe(shop.address);
      const { reservationId } = ShopTccService.reserveTry.responseDeserialize(
        Buffer.from(reply.payload ?? []),
      );
      expect(reservationId).toBe('r-tea');
    }
    expect(seen[0]).toMatchObject({ gid: 'order-1', attempt: 3, tenant: 'blue' });
    expect(called).toEqual(['/tercet.v1.Participant/Deliver']);
  });

  it('brings the details of a reject as they were given', async () => {
    const { call } = await aShop({
      try: () => {
        throw new TccReject('sold out', { left: 0 });
      },
    });
    for (const transport of ['auto', 'unary'] as const) {
      expect(await call({ transport })).toMatchObject({
        code: 9,
        message: 'sold out',
        verdict: 'reject',
        rejectDetails: { left: 0 },
      });
    }
  });

  it.each([
    ['the call', {}, { transport: 'unary' }],
    ['the client', { deliver: 'unary' }, {}],
  ] as const)('is unary where %s says so', async (_who, options, over) => {
    const { called, call } = await aShop({}, options);
    expect(await call(over)).toMatchObject({ code: 0 });
    expect(called).toEqual([ShopTccService.reserveTry.path]);
  });

  it('tells the handler when nobody waits any more', async () => {
    let aborted: Promise<unknown> | undefined;
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    const { call } = await aShop({
      try: (_request, { signal }) => {
        aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
        started();
        return aborted;
      },
    });
    const controller = new AbortController();
    const reply = call({ signal: controller.signal });
    await running;
    controller.abort();
    expect(await reply).toMatchObject({ code: 1, sent: true });
    await aborted;
  });

  it('leaves a participant that stops gracefully alone once it is closed', async () => {
    const { shop, caller, call } = await aShop();
    await call();
    caller.close();
    await new Promise<void>((resolve) => shop.server.tryShutdown(() => resolve()));
  });
});
