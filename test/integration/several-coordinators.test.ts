/**
 * Two coordinators on one store, over real gRPC: whichever a client asks, and whatever becomes of the one that it asked first,
 * its runs end well. The store is the memory twin, whose nodes are taken for dead when the test says so.
 */
import { describe, expect, it } from '@jest/globals';
import { Coordinator, MemoryStore, SharedMemory } from '@tercet/coordinator';
import { systemRandom } from '@tercet/runtime';
import { type Tercet, createTercet } from '@tercet/sdk';
import { afterTest } from '../support/clean-up';
import { CallBalancer } from '../support/nodes/balancers';
import { type Participant, aParticipant, shop } from '../support/shop';

const apple = { sku: 'apple', quantity: 1 };
const pear = { sku: 'pear', quantity: 1 };
/** Begins with the first address of a list, and repeats without a pause. */
const first = { unit: () => 0, bytes: (count: number) => systemRandom.bytes(count) };

interface Node {
  readonly coordinator: Coordinator;
  readonly address: string;
}

interface World {
  readonly shared: SharedMemory;
  readonly nodes: readonly Node[];
  readonly participant: Participant;
}

async function aNode(shared: SharedMemory): Promise<Node> {
  const store = new MemoryStore({ shared });
  const grpcAddress = '127.0.0.1:0';
  const config = { grpcAddress, httpAddress: 'off', shutdownGraceMs: 1_000 };
  const coordinator = new Coordinator({ config, store });
  const { grpcPort } = await coordinator.start();
  afterTest(() => coordinator.stop());
  return { coordinator, address: `127.0.0.1:${grpcPort}` };
}

async function aWorld(): Promise<World> {
  const shared = new SharedMemory();
  const nodes = [await aNode(shared), await aNode(shared)];
  return { shared, nodes, participant: await aParticipant() };
}

function aClient(coordinator: string, session: 'auto' | 'unary'): Tercet {
  const tercet = createTercet({ coordinator, session, random: first });
  afterTest(() => tercet.close());
  return tercet;
}

function inBoth({ nodes }: World): string {
  return nodes.map(({ address }) => address).join(',');
}

/** The owner of a row, as 0 or 1 in the order in which the nodes came. */
function ownerOf({ shared }: World, gid: string, names: readonly string[]): number {
  return names.indexOf(shared.rows.get(gid)?.owner ?? '');
}

describe.each(['auto', 'unary'] as const)('a client of two coordinators (%s)', (session) => {
  it('whose every call goes to another one confirms all its runs', async () => {
    const world = await aWorld();
    const balancer = await new CallBalancer(world.nodes.map(({ address }) => address)).open();
    afterTest(() => balancer.close());
    const tercet = aClient(balancer.address, session);
    const runs = Array.from({ length: 20 }, (_, i) =>
      tercet.run({ name: 'checkout', gid: `order-${i}` }, async (tx) => {
        const at = tx.use(shop, { target: world.participant.target });
        await at.reserve(apple);
        await at.reserve(pear);
      }),
    );
    const ends = await Promise.all(runs);
    expect(ends.map(({ status }) => status)).toEqual(Array(20).fill('confirmed'));
    expect(world.participant.story.filter((call) => call === 'try reserve')).toHaveLength(40);
    expect(world.participant.story.filter((call) => call === 'confirm reserve')).toHaveLength(40);
    expect(world.participant.story).not.toContain('cancel reserve');
  });

  it('one of which stops in the middle of a run commits at the other', async () => {
    const world = await aWorld();
    const names = [...world.shared.nodes];
    const tercet = aClient(inBoth(world), session);
    const run = await tercet.run({ name: 'checkout', gid: 'order-1' }, async (tx) => {
      const at = tx.use(shop, { target: world.participant.target });
      await at.reserve(apple);
      expect(ownerOf(world, 'order-1', names)).toBe(0);
      await world.nodes[0]?.coordinator.stop();
      await at.reserve(pear);
      expect(ownerOf(world, 'order-1', names)).toBe(1);
    });
    expect(run.status).toBe('confirmed');
    expect(world.participant.story.toSorted()).toEqual([
      'confirm reserve',
      'confirm reserve',
      'try reserve',
      'try reserve',
    ]);
  });

  it('one of which is taken for dead in the middle of a run goes on, wherever it is sent', async () => {
    const world = await aWorld();
    const tercet = aClient(inBoth(world), session);
    const run = await tercet.run({ name: 'checkout', gid: 'order-1' }, async (tx) => {
      const at = tx.use(shop, { target: world.participant.target });
      await at.reserve(apple);
      world.shared.remove(world.shared.nodes[0] ?? '');
      await at.reserve(pear);
    });
    expect(run.status).toBe('confirmed');
    expect((await tercet.wait('order-1', { for: 'settled' })).status).toBe('confirmed');
  });

  it('tells operators and waiters at either of them the same', async () => {
    const world = await aWorld();
    const [a, b] = world.nodes.map(({ address }) => aClient(address, session)) as [Tercet, Tercet];
    const waiting = a.run({ name: 'checkout', gid: 'order-1' }, async (tx) => {
      await tx.use(shop, { target: world.participant.target }).reserve(apple);
      expect((await b.get('order-1')).status).toBe('trying');
    });
    await waiting;
    expect((await b.wait('order-1', { for: 'settled' })).status).toBe('confirmed');
    expect((await a.get('order-1')).status).toBe('confirmed');
  });
});
