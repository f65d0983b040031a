/**
 * Participants with a barrier in SQLite, a real coordinator and initiator, by both transports: what the barrier does is
 * seen from end to end. Its own rules: packages/sdk/src/barrier; what stands around it: packages/sdk/src/participant.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Coordinator } from '@tercet/coordinator';
import { type Tercet, TransactionStuckError, addTcc, createTercet } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/sqlite';
import { aFolder, afterTest } from '../support/clean-up';
import { shop } from '../support/shop';

type Transport = 'auto' | 'unary';
interface Row {
  readonly name: string;
  readonly units: number;
}
type Books = Readonly<Record<string, number>>;

/** A shop whose books and barrier are in one SQLite database. */
class GuardedShop {
  readonly db: DatabaseSyncInstance = new DatabaseSync(':memory:');
  /** What `onError` heard. */
  readonly errors: unknown[] = [];
  /** What Confirm and Cancel were told of the Try. */
  readonly tried: unknown[] = [];
  /** How often a handler of Try ran. */
  tries = 0;
  /** Another participant that a Try calls; undefined = none. */
  nested: string | undefined;
  port = 0;

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  get books(): Books {
    const rows = this.db.prepare('SELECT name, units FROM books').all() as readonly Row[];
    return Object.fromEntries(rows.map(({ name, units }) => [name, units]));
  }

  async start(tercet?: Tercet): Promise<this> {
    const barrier = sqliteBarrier(this.db);
    await barrier.migrate();
    this.db.exec('CREATE TABLE books (name TEXT PRIMARY KEY, units INTEGER NOT NULL)');
    this.db.exec("INSERT INTO books VALUES ('stock', 10), ('held', 0), ('sold', 0)");
    const server = new Server();
    const move = (db: DatabaseSyncInstance, from: string, to: string): void => {
      const change = db.prepare('UPDATE books SET units = units + ? WHERE name = ?');
      change.run(-1, from);
      change.run(1, to);
    };
    const service = addTcc(
      server,
      shop,
      {
        reserve: {
          try: async (request, ctx) => {
            this.tries += 1;
            move(ctx.db, 'stock', 'held');
            if (this.nested !== undefined) {
              await ctx.use(shop, { target: this.nested }).reserve(request);
            }
            ctx.save({ units: 1n });
            return { reservationId: `r${this.tries}` };
          },
          confirm: (_request, ctx) => {
            this.tried.push([ctx.tried.reservationId, ctx.saved]);
            move(ctx.db, 'held', 'sold');
          },
          cancel: (_request, ctx) => {
            this.tried.push([ctx.tried.reservationId, ctx.saved]);
            move(ctx.db, 'held', 'stock');
          },
        },
        charge: {
          try: (_request, ctx) => ctx.reject('no money'),
          confirm: () => {},
          cancel: () => {
            throw new Error('a Cancel whose Try was rolled back has nothing to do');
          },
        },
        count: (_, callback) => callback(null, { count: 0 }),
      },
      {
        barrier,
        onError: (error) => this.errors.push(error),
        ...(tercet === undefined ? {} : { tercet }),
      },
    );
    await service.ready();
    this.port = await new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    afterTest(() => server.forceShutdown());
    return this;
  }
}

describe.each<Transport>(['auto', 'unary'])(
  'a participant with a barrier, calls %s,',
  (deliver) => {
    let tercet: Tercet;
    let guarded: GuardedShop;
    const order = { sku: 'tea', quantity: 1 };

    const anInitiator = (port: number): Tercet => {
      const client = createTercet({ coordinator: `127.0.0.1:${port}`, deliver });
      afterTest(() => client.close());
      return client;
    };
    let port: number;

    beforeEach(async () => {
      const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: 'off' } as const;
      const coordinator = new Coordinator({
        config: { ...addresses, dataDir: aFolder(), deliver, shutdownGraceMs: 2_000 },
      });
      ({ grpcPort: port } = await coordinator.start());
      afterTest(() => coordinator.stop());
      tercet = anInitiator(port);
      guarded = await new GuardedShop().start();
    });

    it('confirms, and Confirm knows what Try answered and kept', async () => {
      const out = await tercet.run({ name: 'sale', gid: 'order-1' }, (tx) =>
        tx.use(shop, { target: guarded.target }).reserve(order),
      );
      expect(out).toMatchObject({ status: 'confirmed', value: { reservationId: 'r1' } });
      expect(guarded.books).toEqual({ stock: 9, held: 0, sold: 1 });
      expect(guarded.tried).toEqual([['r1', { units: 1n }]]);
    });

    it('cancels what was tried, and leaves alone what was rolled back', async () => {
      const run = tercet.run({ name: 'sale', gid: 'order-1' }, async (tx) => {
        const at = tx.use(shop, { target: guarded.target });
        await at.reserve(order);
        await at.charge({ account: 'ann', cents: 1 });
      });
      await expect(run).rejects.toMatchObject({ status: 'cancelled' });
      expect(guarded.books).toEqual({ stock: 10, held: 0, sold: 0 });
      expect([guarded.tried, guarded.errors]).toEqual([[['r1', { units: 1n }]], []]);
    });

    it('is parked with the reason barrier where its Confirm finds no Try, and never answers OK', async () => {
      await tercet.run({ name: 'sale', gid: 'order-1', phaseTwoWaitMs: 0 }, async (tx) => {
        await tx.use(shop, { target: guarded.target }).reserve(order);
        guarded.db.exec('DELETE FROM tercet_barrier');
      });
      const branch = async () => (await tercet.get('order-1')).branches[0];
      // Asking takes its time: nothing else has to be waited for in between.
      while ((await branch())?.parked !== true);
      expect(await branch()).toMatchObject({
        status: 'registered',
        stuckReason: 'barrier',
        attempts: 1,
      });
      const stuck = tercet.wait('order-1', { for: 'executed', timeout: '15s' });
      await expect(stuck).rejects.toBeInstanceOf(TransactionStuckError);
      expect(guarded.books).toEqual({ stock: 9, held: 1, sold: 0 });
      expect(guarded.errors).toMatchObject([{ name: 'BarrierConflictError' }]);
    });

    it('adds nested branches, and they end as it does', async () => {
      const inner = guarded;
      const outer = await new GuardedShop().start(anInitiator(port));
      outer.nested = inner.target;
      const out = await tercet.run({ name: 'sale', gid: 'order-1' }, (tx) =>
        tx.use(shop, { target: outer.target }).reserve(order),
      );
      expect(out.status).toBe('confirmed');
      const view = await tercet.wait('order-1', { for: 'settled', timeout: '15s' });
      expect(view.branches.map(({ branch, status }) => [branch, status])).toEqual([
        ['1', 'confirmed'],
        ['1.1', 'confirmed'],
      ]);
      for (const each of [outer, inner]) {
        expect(each.books).toEqual({ stock: 9, held: 0, sold: 1 });
      }
    });
  },
);
