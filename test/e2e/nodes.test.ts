/**
 * Several coordinators on one database: any of them answers any command, and whatever happens to one of them (killed, stopped
 * for longer than its ttl, cut off, restarted), the others go on with its work and nothing acknowledged is lost.
 */
import { promises as dns } from 'node:dns';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TccPark } from '@tercet/sdk';
import { afterTest } from '../support/clean-up';
import { CallBalancer, ConnectionBalancer } from '../support/nodes/balancers';
import { Fleet, aClient, pause, until } from '../support/nodes/fleet';
import { Orders } from '../support/nodes/orders';
import { StoredRows } from '../support/nodes/stored-rows';
import { describeWith, freshDatabase } from '../support/servers/describe-with';
import { Gate } from '../support/race/gate';
import { shop } from '../support/shop';

jest.setTimeout(60_000);

const apple = { sku: 'apple', quantity: 1 };
const charge = { account: 'ann', cents: 30 };
/** Of the fleet of three. */
const TTL_MS = 1_000;

describe.each(['mariadb', 'postgres'] as const)('coordinators on one database', (kind) => {
  describeWith(kind, (server) => {
    let url: string;
    let fleet: Fleet;
    let rows: StoredRows;

    beforeAll(async () => {
      ({ url } = await freshDatabase(server));
      fleet = await Fleet.start({ url, count: 3, ttl: `${TTL_MS}ms` });
    }, 60_000);
    afterAll(() => fleet.end());
    beforeEach(async () => {
      await fleet.whole();
      rows = await StoredRows.open(url);
    });

    /** The incarnation that owns it. */
    async function ownerOf(gid: string): Promise<string | undefined> {
      return (await rows.transaction(gid))?.owner;
    }

    it('any of them tells what another one has, and get and wait move nothing', async () => {
      const orders = await Orders.at(fleet.clientOf(0));
      const gid = await orders.placeHeld('asked');
      const before = await rows.transaction(gid);
      const others = [aClient(fleet.node(1).address), aClient(fleet.node(2).address)];
      for (const other of others) {
        expect((await other.get(gid)).status).toBe('confirming');
        expect((await other.wait(gid, { for: 'decided' })).status).toBe('confirming');
      }
      const described = await fleet.node(1).command('tx', 'get', gid);
      expect(described.stdout).toMatch(/\nstatus +confirming\n/);
      const listed = await fleet.node(2).command('tx', 'list', '--gid-prefix', gid);
      expect(listed).toMatchObject({ stderr: '', stdout: expect.stringContaining(gid) });
      expect(await rows.transaction(gid)).toEqual(before);
      const ends = others.map((other) => other.wait(gid, { for: 'settled', timeout: '30s' }));
      orders.refusing.clear();
      expect((await Promise.all(ends)).map(({ status }) => status)).toEqual(
        Array(2).fill('confirmed'),
      );
      // It was settled by the one that had it all along.
      expect(await rows.transaction(gid)).toMatchObject({
        owner: before?.owner,
        epoch: before?.epoch,
      });
    });

    it('any of them carries out what an operator orders', async () => {
      const orders = await Orders.at(fleet.clientOf(0));
      const [first, second, third] = [fleet.node(0), fleet.node(1), fleet.node(2)];
      const gid = await orders.placeHeld('parked', undefined, new TccPark('the account is frozen'));
      const stuck = /\nparked +order +2 .*frozen/;
      await until(async () => stuck.test((await second.command('stuck')).stdout));
      const before = await ownerOf(gid);
      expect(await second.command('resume', gid, '2')).toMatchObject({ exitCode: 0 });
      expect(await ownerOf(gid)).not.toBe(before);
      await until(async () => stuck.test((await third.command('stuck')).stdout));
      const verdict = ['--as', 'confirmed', '--reason', 'paid in cash', `--confirm=${gid}/2`];
      expect(await third.command('resolve', gid, '2', ...verdict)).toMatchObject({ exitCode: 0 });
      orders.refusing.clear();
      expect(await second.command('resume', gid)).toMatchObject({ exitCode: 0 });
      const settled = { for: 'settled', timeout: '20s' } as const;
      expect((await aClient(first.address).wait(gid, settled)).status).toBe('confirmed');
      for (const node of fleet.nodes) expect((await node.command('stuck')).stdout).toBe('');

      const failing = await orders.placeHeld('failing');
      const owner = await ownerOf(failing);
      expect(await second.command('retry', failing)).toMatchObject({ exitCode: 0 });
      expect(await ownerOf(failing)).not.toBe(owner);
      orders.refusing.clear();
      expect((await aClient(third.address).wait(failing, settled)).status).toBe('confirmed');
    });

    it('a balancer may send every call to another one', async () => {
      const addresses = fleet.nodes.slice(0, 2).map(({ address }) => address);
      const balancer = await new CallBalancer(addresses).open();
      afterTest(() => balancer.close());
      const orders = await Orders.at(aClient(balancer.address, { session: 'unary' }));
      const gids = await orders.placeAll({ prefix: 'dealt', count: 40 });
      expect(orders.failed).toEqual(new Map());
      await orders.expectSettled(gids);
      const decisions = balancer.calls.filter(({ path }) => path.endsWith('/Commit'));
      expect(new Set(decisions.map(({ address }) => address))).toEqual(new Set(addresses));
      // A registration and the decision of the same order, each on another node, one after the other.
      const next = aClient(balancer.address, { session: 'unary' });
      const owners: (string | undefined)[] = [];
      await next.run({ name: 'order', gid: 'ping-pong' }, async (tx) => {
        const calls = tx.use(shop, { target: orders.participant.target });
        await calls.reserve(apple);
        owners.push(await ownerOf('ping-pong'));
        await calls.charge(charge);
        owners.push(await ownerOf('ping-pong'));
      });
      expect(new Set(owners).size).toBe(2);
    });

    it('a store that stands still for longer than the ttl makes nobody claim anybody', async () => {
      const orders = await Orders.at(...fleet.nodes.map((_, i) => fleet.clientOf(i)));
      const gid = await orders.placeHeld('waiting', aClient(fleet.node(0).address));
      const before = { nodes: await rows.nodes(), tx: await rows.transaction(gid) };
      const gids = await orders.placeAll({
        prefix: 'stalled',
        count: 30,
        trouble: async () => {
          for (const { path } of fleet.nodes) path.hold('up', 'down');
          await pause(2 * TTL_MS);
          for (const { path } of fleet.nodes) path.release();
          await Promise.all(fleet.nodes.map((node) => node.serving()));
        },
      });
      // Whoever looked at the others too soon would have claimed by now.
      await pause(TTL_MS / 2);
      expect(await rows.nodes()).toEqual(before.nodes);
      expect(await rows.transaction(gid)).toEqual(before.tx);
      orders.refusing.clear();
      await orders.expectSettled([gid, ...gids]);
    });

    it('one that is stopped in the middle of a batch does no harm, and goes on as another one', async () => {
      const node = fleet.node(0);
      const alone = aClient(node.address);
      const orders = await Orders.at(alone);
      const { target } = orders.participant;
      const before = await rows.nodes();
      const goOn = [new Gate(), new Gate()] as const;
      const bound = { name: 'order', timeout: '40s', phaseTwoWaitMs: 20_000 } as const;
      const extended = alone.run({ ...bound, gid: 'zombie-extended' }, async (tx) => {
        const calls = tx.use(shop, { target });
        await calls.reserve(apple);
        await goOn[0].pass();
        await calls.charge(charge);
      });
      const decided = alone.run({ ...bound, gid: 'zombie-decided' }, async (tx) => {
        await tx.use(shop, { target }).reserve(apple);
        await goOn[1].pass();
      });
      await Promise.all(goOn.map((gate) => gate.reached));
      const owner = await ownerOf('zombie-decided');

      // What comes while a batch is under way leaves together in the next one.
      node.path.hold('up');
      const first = orders.place('zombie-first');
      await until(() => node.path.holds('zombie-first'));
      for (const gate of goOn) gate.open();
      const opened = orders.place('zombie-opened');
      await pause(100);
      const inTheBatch = node.path.holdAt('up', 'zombie-extended');
      node.path.release();
      await inTheBatch;

      node.signal('SIGSTOP');
      await until(async () => (await ownerOf('zombie-decided')) !== owner);
      await until(async () => (await ownerOf('zombie-extended')) !== owner);
      const taken = await rows.transaction('zombie-decided');
      expect(taken).toMatchObject({ status: 'trying', branches: 1 });
      node.path.release();
      await pause(300);
      expect(await rows.transaction('zombie-decided')).toEqual(taken);
      expect(await rows.transaction('zombie-extended')).toMatchObject({ branches: 1 });
      expect(await rows.registered('zombie-extended')).toBe(1);

      node.signal('SIGCONT');
      expect((await extended).status).toBe('confirmed');
      expect((await decided).status).toBe('confirmed');
      await Promise.all([first, opened]);
      await until(async () => (await rows.nodes()).length === 3);
      await node.serving();
      await orders.place('zombie-again');
      await orders.expectSettled(['zombie-first', 'zombie-opened', 'zombie-again']);
      expect(await rows.nodes()).not.toContain(owner);
      expect(before).toContain(owner);
      expect(before).not.toContain(await ownerOf('zombie-again'));
    });

    it('one that stands still under load is followed, and takes work again', async () => {
      const orders = await Orders.at(...fleet.nodes.map((_, i) => fleet.clientOf(i)));
      const gid = await orders.placeHeld('frozen-work', aClient(fleet.node(0).address));
      const owner = await ownerOf(gid);
      const gids = await orders.placeAll({
        prefix: 'frozen',
        count: 60,
        trouble: async () => {
          fleet.node(0).signal('SIGSTOP');
          await until(async () => (await ownerOf(gid)) !== owner);
          fleet.node(0).signal('SIGCONT');
          await fleet.node(0).serving();
        },
      });
      orders.refusing.clear();
      await orders.expectSettled([gid, ...gids]);
      expect(await rows.unfinished()).toBe(0);
      await until(async () => (await rows.nodes()).length === 3);
    });

    it('what one leaves that is killed under load settles on the others', async () => {
      const orders = await Orders.at(...fleet.nodes.map((_, i) => fleet.clientOf(i)));
      const left = ['left-1', 'left-2', 'left-3'];
      for (const gid of left) await orders.placeHeld(gid);
      // Undecided, and its initiator knows only the one that dies.
      const alone = aClient(fleet.node(0).address);
      const tried = new Gate();
      const undecided = alone.run({ name: 'order', gid: 'left-undecided', timeout: '2s' }, (tx) =>
        tx
          .use(shop, { target: orders.participant.target })
          .reserve(apple)
          .then(() => tried.pass()),
      );
      await tried.reached;
      const gids = await orders.placeAll({
        prefix: 'killed',
        count: 60,
        trouble: async () => {
          await fleet.node(0).kill();
          orders.refusing.clear();
        },
      });
      const other = aClient(fleet.node(1).address);
      await orders.expectSettled([...left, ...gids], other);
      await expect(undecided).rejects.toThrow();
      expect((await other.wait('left-undecided', { for: 'settled' })).status).toBe('cancelled');
      expect(orders.seen('left-undecided')).toEqual(['try', 'cancel']);
      expect(await rows.unfinished()).toBe(0);
    });

    // What the kind of server makes no difference to.
    if (kind === 'postgres') {
      it('a balancer may lead to versions with and without sessions', async () => {
        const [older = '', newer = ''] = fleet.nodes.map(({ address }) => address);
        const path = '/tercet.v1.Coordinator/Session';
        const balancer = await new CallBalancer([newer, older], { path, to: [older] }).open();
        afterTest(() => balancer.close());
        const clients = [aClient(balancer.address), aClient(balancer.address)];
        const orders = await Orders.at(...clients);
        const gids = await orders.placeAll({ prefix: 'mixed', count: 20 });
        expect(orders.failed).toEqual(new Map());
        await orders.expectSettled(gids);
        const paths = new Set(balancer.calls.map((call) => call.path.split('/').at(-1)));
        expect(paths).toContain('Session');
        expect(paths).toContain('Commit');
      });

      it('a name may stand for all of them', async () => {
        const doors = ['127.0.0.2', '127.0.0.3'].map((host, i) => ({
          host,
          balancer: new ConnectionBalancer([fleet.node(i).address]),
        }));
        let port = 0;
        for (const { host, balancer } of doors) {
          await balancer.open({ host, port });
          afterTest(() => balancer.close());
          port = Number(balancer.address.split(':')[1]);
        }
        const found = doors.map(({ host }) => ({ address: host, family: 4 }));
        const lookup = jest.spyOn(dns, 'lookup').mockImplementation((async () => found) as never);
        afterTest(() => lookup.mockRestore());
        const orders = await Orders.at(aClient(`dns:///coordinators.test:${port}`));
        await orders.place('named-1');
        const taken = doors.find(({ balancer }) => balancer.taken.size > 0);
        await taken?.balancer.close();
        await orders.place('named-2');
        expect(doors.map(({ balancer }) => balancer.taken.size)).toEqual([1, 1]);
        await orders.expectSettled(['named-1', 'named-2'], fleet.clientOf(2));
      });

      it('all of them may be restarted one after the other, and no run notices', async () => {
        const addresses = fleet.nodes.map(({ address }) => address);
        const byCall = await new CallBalancer(addresses).open();
        afterTest(() => byCall.close());
        const byConnection = await new ConnectionBalancer(addresses).open();
        afterTest(() => byConnection.close());
        const orders = await Orders.at(
          fleet.clientOf(0),
          aClient(byCall.address),
          aClient(byConnection.address),
        );
        const gids = await orders.placeAll({
          prefix: 'rolled',
          count: 30,
          workers: 3,
          trouble: async () => {
            for (const node of fleet.nodes) {
              await node.terminate();
              await node.start();
            }
          },
        });
        expect(orders.failed).toEqual(new Map());
        await orders.expectSettled(gids);
      });
    }

    it('one that is told to end hands its work over long before its ttl', async () => {
      const { url: another } = await freshDatabase(server);
      const pair = await Fleet.start({ url: another, count: 2, ttl: '10s' });
      afterTest(() => pair.end());
      const client = pair.clientOf(0);
      const orders = await Orders.at(client);
      await orders.placeHeld('handed-over');
      const gate = new Gate();
      const open = client.run({ name: 'order', gid: 'open', phaseTwoWaitMs: 0 }, async (tx) => {
        const calls = tx.use(shop, { target: orders.participant.target });
        await calls.reserve(apple);
        await gate.pass();
        await calls.charge(charge);
      });
      await gate.reached;
      await pair.node(0).terminate();
      orders.refusing.clear();
      gate.open();
      const within = { for: 'settled', timeout: '9s' } as const;
      expect((await client.wait('handed-over', within)).status).toBe('confirmed');
      expect((await open).gid).toBe('open');
      expect((await client.wait('open', within)).status).toBe('confirmed');
    });
  });
});
