/**
 * A whole coordinator, over gRPC, on a server that is in trouble. New work is refused with UNAVAILABLE and the reason, health
 * says NOT_SERVING, decided calls go on, nothing acknowledged is lost, and work goes on by itself when the store is back. What
 * is no trouble of the store, a conflict, refuses nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { TransactionStatus } from '@tercet/proto';
import { afterTest } from '../../../test/support/clean-up';
import { RestartingServer } from '../../../test/support/restarting-server';
import { missingBinaries } from '../../../test/support/servers/binaries';
import {
  describeFate,
  describeWith,
  fateOfMissing,
  freshDatabase,
} from '../../../test/support/servers/describe-with';
import { eventually } from './support/eventually';
import { failed } from './support/scripted-caller';
import { MariadbInTrouble } from './support/store-trouble/mariadb-in-trouble';
import { PostgresInTrouble } from './support/store-trouble/postgres-in-trouble';
import { Site } from './support/store-trouble/site';
import type { ServerError, StoreInTrouble } from './support/store-trouble/store-in-trouble';
import { TcpProxy } from './support/tcp-proxy';

jest.setTimeout(60_000);

/** What happens, and how it shows. */
interface Trouble {
  readonly name: string;
  /** What every refusal says; undefined = nothing is refused: a conflict is no trouble of the store. */
  readonly says: RegExp | undefined;
  /** What is written arrives and is done, and nobody hears of it. */
  readonly isDone?: boolean;
  begin(world: World): Promise<void> | void;
  end(world: World): Promise<void> | void;
}

/** What a trouble is made with. */
interface World {
  readonly store: StoreInTrouble;
  readonly proxy: TcpProxy;
  readonly site: Site;
}

function failing(name: string, error: ServerError, refuses = true): Trouble {
  return {
    name: `${name} (${error.postgres}, ${error.mariadb.errno})`,
    says: refuses ? new RegExp(`${error.postgres}|${error.mariadb.errno}`) : undefined,
    begin: ({ store }) => store.fail(error),
    end: ({ store }) => store.fail(undefined),
  };
}

const held = new WeakMap<World, () => Promise<void>>();

const troubles: readonly Trouble[] = [
  {
    name: 'connections that are cut',
    says: /ECONN|closed|terminated|no connection/i,
    begin: ({ proxy }) => {
      proxy.mode = 'down';
    },
    end: ({ proxy }) => {
      proxy.mode = 'open';
    },
  },
  {
    name: 'commits that are done, and whose answers are lost',
    says: /ECONN|closed|terminated|no connection/i,
    isDone: true,
    begin: ({ proxy }) => {
      proxy.mode = 'lose-answers';
    },
    end: ({ proxy }) => {
      proxy.mode = 'open';
    },
  },
  {
    name: 'commits that are done, and whose answers never come',
    says: /answer|terminated|timeout|no connection/i,
    isDone: true,
    begin: ({ proxy }) => {
      proxy.mode = 'hold-answers';
    },
    end: ({ proxy }) => {
      proxy.mode = 'down';
      proxy.mode = 'open';
    },
  },
  {
    name: 'an account that may only read',
    says: /25006|1142/,
    begin: ({ store }) => store.readOnly(true),
    end: ({ store }) => store.readOnly(false),
  },
  failing('a full disk', { postgres: '53100', mariadb: { errno: 1114, sqlState: 'HY000' } }),
  failing('no room to work in', { postgres: '53200', mariadb: { errno: 1021, sqlState: 'HY000' } }),
  failing('a statement that takes too long', {
    postgres: '57014',
    mariadb: { errno: 1969, sqlState: '70100' },
  }),
  failing('a deadlock', { postgres: '40P01', mariadb: { errno: 1213, sqlState: '40001' } }, false),
  failing(
    'waits for a row that take too long',
    { postgres: '55P03', mariadb: { errno: 1205, sqlState: 'HY000' } },
    false,
  ),
  {
    name: 'a row that somebody holds',
    says: undefined,
    begin: async (world) => {
      held.set(world, await world.store.hold(world.site.gid('open')));
    },
    end: async (world) => held.get(world)?.(),
  },
];

/** Brings the trouble over a coordinator in the middle of its work, and sees it through. */
async function story(world: World, trouble: Trouble): Promise<void> {
  const { site, store } = world;
  // Acknowledged, its Confirm under way.
  site.caller.script('1', 'hold');
  await site.register('decided', '1');
  await site.commit('decided', '1');
  await eventually(() => expect(site.caller.held).toHaveLength(1));
  await site.register('open', '2');

  await trouble.begin(world);
  let isOver = false;
  const end = async (): Promise<void> => {
    if (!isOver) await trouble.end(world);
    isOver = true;
  };
  afterTest(end);
  let acknowledged = false;
  const committed = site.commit('open', '2').then(() => (acknowledged = true));
  // Where something else fails first, nobody waits for it.
  committed.catch(() => undefined);
  if (trouble.isDone === true) {
    await eventually(async () => expect(await store.statusOf(site.gid('open'))).not.toBe('trying'));
  }
  if (trouble.says === undefined) await site.healthIs('SERVING');
  else await refused(site, trouble.says);
  // Decided calls go on: this one fails, and comes again.
  site.caller.held[0]?.reply(failed('UNAVAILABLE', 'not now'));
  await eventually(() => expect(site.calls('decided')).toEqual(['confirm 1', 'confirm 1']));
  expect([acknowledged, site.calls('open')]).toEqual([false, []]);

  await end();
  await site.healthIs('SERVING');
  await committed;
  await site.register('new', '3');
  await site.commit('new', '3');
  const confirmed = TransactionStatus.TRANSACTION_STATUS_CONFIRMED;
  for (const order of ['decided', 'open', 'new']) expect(await site.ended(order)).toBe(confirmed);
  expect(site.calls('open')).toEqual(['confirm 2']);
  expect(site.calls('new')).toEqual(['confirm 3']);
}

/** New work is refused with the reason, and health says so, with the reason. */
async function refused(site: Site, says: RegExp): Promise<void> {
  await site.healthIs('NOT_SERVING');
  // The first reason may be how it began, the last one is what lasts.
  await eventually(async () => {
    const refusal = await site.client.refusal('registerBranches', site.registration('new', '3'));
    expect(refusal).toMatchObject({ status: status.UNAVAILABLE, code: 'STORE_UNAVAILABLE' });
    expect(refusal.message).toMatch(says);
    expect(await site.ready()).toMatch(says);
  });
}

const families = [
  { kind: 'mariadb', make: (url: string) => MariadbInTrouble.at(url) },
  { kind: 'postgres', make: (url: string) => PostgresInTrouble.at(url) },
] as const;

describe.each(families)('a coordinator whose store has', ({ kind, make }) => {
  describeWith(kind, (server) => {
    let store: StoreInTrouble;
    let proxy: TcpProxy;
    let url: string;
    beforeAll(async () => {
      store = await make((await freshDatabase(server)).url);
      proxy = new TcpProxy(store.url);
      url = await proxy.listen();
    });
    afterEach(() => {
      proxy.mode = 'open';
    });
    afterAll(async () => {
      await proxy.stop();
      await store.end();
    });

    it.each(troubles.map((trouble) => [trouble.name, trouble] as const))(
      '%s',
      async (_, trouble) => {
        // A beat in the way of the commit would be what is lost.
        const site = await Site.on(url, trouble.isDone === true ? 60_000 : 1_000);
        await story({ store, proxy, site }, trouble);
      },
    );
  });

  const missing = missingBinaries(kind);
  const why = missing.length === 0 ? undefined : [`no ${missing.join(', ')}`];
  const fate = fateOfMissing(kind, why, process.env['TERCET_REQUIRE_SERVERS']);
  describeFate(kind, fate, () => {
    it('a server that is killed, and another one in its place that has what it wrote', async () => {
      const server = await RestartingServer.start(kind);
      const store = await make(server.url);
      afterTest(() => store.end().catch(() => undefined));
      const proxy = new TcpProxy(store.url);
      afterTest(() => proxy.stop());
      const site = await Site.on(await proxy.listen(), 1_000);
      const switching: Trouble = {
        name: 'a switch',
        says: /ECONN|closed|terminated|no connection|shutting down|57P0|1053/i,
        begin: () => server.kill(),
        end: async () => {
          await server.restartElsewhere();
          proxy.switchTo(server.url);
        },
      };
      await story({ store, proxy, site }, switching);
    });
  });
});
