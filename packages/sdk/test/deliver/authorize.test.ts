/** `authorize` and rule P3 of participant/action-call.ts, on both transports. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  type AddTccOptions,
  type CallContext,
  TccPark,
  TccReject,
  createTercet,
} from '@tercet/sdk';
import { type Caller, bothCallers } from '../support/both-transports';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { gate } from '../support/scenario';
import { type ShopParticipant, depot, startShop } from '../support/shop-participant';

let shop: ShopParticipant | undefined;
let callers: readonly Caller[] = [];
const story: string[] = [];

afterEach(async () => {
  for (const caller of callers) caller.close();
  await shop?.stop();
  callers = [];
  shop = undefined;
  story.length = 0;
});

async function guarded(
  authorize: AddTccOptions['authorize'],
  options: AddTccOptions = {},
): Promise<ShopParticipant> {
  for (const caller of callers) caller.close();
  await shop?.stop();
  const note = (phase: string) => (): void => void story.push(phase);
  shop = await startShop(
    { try: note('try'), confirm: note('confirm'), cancel: note('cancel') },
    { ...options, ...(authorize === undefined ? {} : { authorize }) },
  );
  callers = bothCallers(shop);
  return shop;
}

/** Code and message of a Try on each transport. */
async function told(phase: 'try' | 'confirm' | 'cancel' = 'try'): Promise<readonly unknown[]> {
  const answers = [];
  for (const caller of callers) answers.push(await caller.call({ phase }));
  const [unary, deliver] = answers;
  expect(deliver).toEqual(unary);
  return [unary?.code, unary?.message, unary?.verdict, unary?.retryAfterMs];
}

const denied = (message: string): readonly unknown[] => [
  status.PERMISSION_DENIED,
  message,
  undefined,
  undefined,
];

describe('authorize', () => {
  it('refuses with false, or a promise of it, in every phase', async () => {
    for (const answer of [() => false, () => Promise.resolve(false)]) {
      await guarded(answer);
      for (const phase of ['try', 'confirm', 'cancel'] as const) {
        expect(await told(phase)).toEqual(denied('not authorised'));
      }
    }
    expect(story).toEqual([]);
  });

  it('refuses with the text of what it throws, which is never a verdict', async () => {
    const errors: unknown[] = [];
    const thrown: readonly [unknown, string][] = [
      [new Error('unknown tenant'), 'unknown tenant'],
      [new TccReject('not yours', { a: 1 }), 'not yours'],
      [new TccPark('look'), 'look'],
      ['a text', 'a text'],
      [undefined, 'authorize threw undefined, which is no Error'],
    ];
    for (const [error, message] of thrown) {
      const fail = (): never => {
        throw error;
      };
      for (const authorize of [fail, async () => fail()]) {
        await guarded(authorize, { onError: (seen) => errors.push(seen) });
        expect(await told()).toEqual(denied(message));
      }
    }
    expect(story).toEqual([]);
    expect(errors.filter((error) => error instanceof TccReject)).toEqual([]);
    expect(errors.filter((error) => error === thrown[0]?.[0])).toHaveLength(4);
  });

  it('lets pass whatever else it answers', async () => {
    for (const answer of [undefined, null, 0, '', true, Promise.resolve()]) {
      await guarded(() => answer);
      expect(await told()).toEqual([status.OK, '', undefined, undefined]);
    }
    expect(story).toHaveLength(12);
  });

  it('is asked for each call, and knows the caller, the branch and what was sent', async () => {
    const seen: unknown[] = [];
    await guarded((ctx: CallContext) => {
      const { phase, gid, branchId, action, peer, metadata } = ctx;
      seen.push([phase, gid, branchId, action, peer?.split(':')[0], metadata.get('token')]);
      return metadata.get('token')[0] === 'right';
    });
    const entries = [['token', 'right']] as const;
    for (const caller of callers) {
      expect((await caller.call({ entries })).code).toBe(status.OK);
      expect((await caller.call({ phase: 'confirm' })).code).toBe(status.PERMISSION_DENIED);
    }
    const one = ['order-1', '1', 'reserve', '127.0.0.1'];
    const both = [
      ['try', ...one, ['right']],
      ['confirm', ...one, []],
    ];
    expect(seen).toEqual([...both, ...both]);
  });

  it('comes before the fence: a Cancel that it refuses is not remembered (P3)', async () => {
    await guarded(({ phase }) => phase !== 'cancel');
    expect(await told('cancel')).toEqual(denied('not authorised'));
    expect(await told('try')).toEqual([status.OK, '', undefined, undefined]);
    expect(story).toEqual(['try', 'try']);
  });

  it('comes before the interceptors, and after the headers were read', async () => {
    let asked = 0;
    await guarded(
      () => {
        asked += 1;
        return false;
      },
      {
        interceptors: [
          {
            handle(_call, next) {
              story.push('interceptor');
              return next();
            },
          },
        ],
      },
    );
    await told();
    for (const caller of callers) {
      const malformed = await caller.call({ headers: { 'tercet-gid': undefined } });
      expect(malformed.code).toBe(status.INVALID_ARGUMENT);
    }
    expect([asked, story]).toEqual([2, []]);
  });

  it('cannot add branches', async () => {
    const tercet = createTercet();
    await guarded((ctx) => ctx.use(depot, { target: 'depot:1' }), { tercet });
    expect(await told()).toEqual(
      denied('ctx.use: authorize comes before the Try, only its handler can add branches'),
    );
    await tercet.close();
  });

  it('that is still busy when the caller gives up starts nothing', async () => {
    const asked = gate<void>();
    const answer = gate<boolean>();
    const peer = await guarded(async ({ branchId }) => {
      if (branchId !== '1') return true;
      asked.open();
      return answer.promise;
    });
    const client = new DeliverClient(peer.address);
    client.send(aCommand(1, 'try'));
    await asked.promise;
    client.write({ givenUpIds: [1] });
    await client.call('confirm', { branchId: '2' });
    answer.open(true);
    await client.call('confirm', { branchId: '3' });
    expect(story).toEqual(['confirm', 'confirm']);
    client.close();
  });
});
