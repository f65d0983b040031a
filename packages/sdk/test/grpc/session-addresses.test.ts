/** Several addresses of coordinators that share a store. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@tercet/core/testing';
import { type Tercet, createTercet } from '@tercet/sdk';
import { CoordinatorChannels } from '../../src/grpc/coordinator-channels';
import { shop } from '../support/scenario';
import { type Play, SessionServer, aMessage } from '../support/session-server';
import { aWireTransaction } from '../support/wire';

const opened: { stop?(): unknown; close?(): unknown }[] = [];
/** Begins with the first address of a list. */
const first = { unit: () => 0, bytes: (count: number) => new Uint8Array(count) };

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await (each.close ?? each.stop)?.call(each);
});

const answering: Play = () => ({
  $case: 'got',
  value: { transaction: aWireTransaction(), result: undefined },
});

async function servers(count: number, offered = true): Promise<SessionServer[]> {
  const started = Array.from({ length: count }, () =>
    Object.assign(new SessionServer(answering), { offered }).start(),
  );
  opened.push(...(await Promise.all(started)));
  return Promise.all(started);
}

function clientOf(list: readonly SessionServer[], session: 'auto' | 'unary' = 'auto'): Tercet {
  const coordinator = list.map(({ address }) => address).join(', ');
  const tercet = createTercet({ coordinator, random: first, session });
  opened.push(tercet);
  return tercet;
}

describe.each(['auto', 'unary'] as const)('a list of addresses (%s)', (session) => {
  const calls = (server?: SessionServer): number =>
    session === 'auto' ? (server?.commands.length ?? 0) : (server?.unary.length ?? 0);

  it('goes on with the next where the first is dead', async () => {
    const [a, b] = await servers(2);
    a?.stop();
    const tercet = clientOf([a, b] as SessionServer[], session);
    expect((await tercet.get('order-1')).gid).toBe('order-1');
    expect([calls(a), calls(b)]).toEqual([0, 1]);
  });

  it('stays with the one that answers, and goes on to the next when it dies, around the list', async () => {
    const [a, b] = await servers(2);
    const tercet = clientOf([a, b] as SessionServer[], session);
    for (let i = 0; i < 3; i++) await tercet.get('order-1');
    expect([calls(a), calls(b)]).toEqual([3, 0]);
    a?.stop();
    await tercet.get('order-1');
    expect([calls(a), calls(b)]).toEqual([3, 1]);
    await a?.start();
    b?.stop();
    await tercet.get('order-1');
    expect([calls(a), calls(b)]).toEqual([4, 1]);
  });

  it('names them all where all are dead', async () => {
    const [a, b] = (await servers(2)) as [SessionServer, SessionServer];
    for (const each of [a, b]) each.stop();
    const tercet = clientOf([a, b], session);
    const run = tercet.run({ name: 'checkout', timeout: '300ms' }, async (tx) => {
      await tx.use(shop, { target: 'shop:1' }).reserve({ sku: 'tea', quantity: 1 });
    });
    const error: unknown = await run.catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(
      new RegExp(
        `^the coordinator at ${a.address}, ${b.address} did not answer for [0-9]+ ms \\(UNAVAILABLE: connect ECONNREFUSED 127.0.0.1:[0-9]+\\); no Try was sent$`,
      ),
    );
  });
});

describe('a list of addresses', () => {
  it('is left for the next when the coordinator drains', async () => {
    const [a, b] = await servers(2);
    const tercet = clientOf([a, b] as SessionServer[]);
    await tercet.get('order-1');
    a?.stream.write(aMessage({ drain: true }));
    while (b?.commands.length === 0) await tercet.get('order-1');
    expect(b?.streams).toHaveLength(1);
  });

  it('goes on by unary calls where a coordinator offers no session, and asks the next one for it', async () => {
    const [a] = await servers(1, false);
    const [b] = await servers(1);
    const tercet = clientOf([a, b] as SessionServer[]);
    await tercet.get('order-1');
    await tercet.get('order-1');
    expect(a?.unary).toHaveLength(2);
    a?.stop();
    await tercet.get('order-1');
    expect(b?.commands).toHaveLength(1);
    expect(b?.unary).toEqual([]);
  });
});

describe('the addresses in use', () => {
  const of = (count: number, random = new SeededRandom(1)) =>
    new CoordinatorChannels(
      Array.from({ length: count }, (_, i) => `127.0.0.1:${i + 1}`),
      { random },
    );

  it('L1: begin at a random one', () => {
    const random = new SeededRandom(2);
    const begun = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const channels = of(3, random);
      begun.add(channels.current.address);
      channels.close();
    }
    expect(begun.size).toBe(3);
  });

  it('L2: change after a failure of the one in use, and of no other', () => {
    const channels = of(3);
    const a = channels.current;
    channels.failed(a);
    const b = channels.current;
    channels.failed(a);
    expect(channels.current).toBe(b);
    expect(b.address).not.toBe(a.address);
    channels.failed(b);
    channels.failed(channels.current);
    expect(channels.current).toBe(a);
    channels.close();
  });

  it('L3: get another connection where the coordinator stops, also where there is one address only', () => {
    const channels = of(1);
    const a = channels.current;
    channels.failed(a);
    expect(channels.current).toBe(a);
    channels.drained(a);
    channels.drained(a);
    const b = channels.current;
    expect(b).not.toBe(a);
    expect(b.address).toBe(a.address);
    channels.close();
    a.channel.close();
  });
});
