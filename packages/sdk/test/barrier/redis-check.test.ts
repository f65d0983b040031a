/** What the Redis barrier asks of a server before it is used, and its options. */
import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, Redis, ReplyError } from 'ioredis';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { redisBarrier, type RedisConnection } from '../../src/barrier/redis';
import { BarrierError, ConfigError } from '../../src/errors';
import type { TercetWarning } from '../../src/warnings';
import { describeWithOwnRedis, RestartableRedis } from './support/restartable-redis';

/** A server that tells of itself what the test says. */
class ScriptedServer extends EventEmitter implements RedisConnection {
  readonly isCluster = false;
  readonly options = {};
  status = 'ready';

  constructor(
    private readonly info: Record<string, string>,
    private readonly settings: Record<string, string> | 'secret',
  ) {
    super();
  }

  async callBuffer(command: string, args: unknown[]): Promise<unknown> {
    switch (command) {
      case 'info':
        return Buffer.from(
          Object.entries({ redis_version: '7.0.15', role: 'master', ...this.info })
            .map(([name, value]) => `${name}:${value}`)
            .join('\r\n'),
        );
      case 'config': {
        if (this.settings === 'secret') throw new (ReplyError as ErrorConstructor)('NOPERM no');
        const name = String(args[1]);
        return [Buffer.from(name), Buffer.from(this.settings[name] ?? '')];
      }
      default:
        return Buffer.from('PONG');
    }
  }
}

const durable = { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction' };

describe('check', () => {
  test('says nothing where the server keeps what it has answered', async () => {
    const warnings: TercetWarning[] = [];
    const onWarning = (warning: TercetWarning): void => void warnings.push(warning);
    await redisBarrier(new ScriptedServer({}, durable), { onWarning }).check();
    await redisBarrier(new ScriptedServer({}, durable), { requireDurable: true }).check();
    expect(warnings).toEqual([]);
  });

  test.each([
    ['appendonly', 'no', /appendonly is no instead of yes: a crash forgets everything/],
    ['appendfsync', 'everysec', /appendfsync is everysec instead of always: a crash forgets the/],
    ['maxmemory-policy', 'allkeys-lru', /maxmemory-policy is allkeys-lru instead of noeviction/],
  ])('warns once of %s %s, or refuses', async (setting, value, text) => {
    const server = new ScriptedServer({}, { ...durable, [setting]: value });
    const warnings: TercetWarning[] = [];
    const barrier = redisBarrier(server, { onWarning: (warning) => void warnings.push(warning) });
    await barrier.check();
    await barrier.check();
    expect(warnings).toEqual([
      expect.objectContaining({
        code: 'BARRIER_NOT_DURABLE',
        message: expect.stringMatching(text),
      }),
    ]);
    const strict = redisBarrier(server, { requireDurable: true }).check();
    await expect(strict).rejects.toThrow(BarrierError);
    await expect(strict).rejects.toThrow(text);
  });

  test('counts a server that does not tell as one that may forget', async () => {
    const barrier = redisBarrier(new ScriptedServer({}, 'secret'), { requireDurable: true });
    await expect(barrier.check()).rejects.toThrow(
      /appendonly cannot be read \(CONFIG GET is refused\); appendfsync cannot/,
    );
  });

  test.each([
    [{ redis_version: '6.0.16' }, 'the server is Redis 6.0.16, the barrier needs 6.2 or newer'],
    [{ redis_version: '5.0.9' }, 'the server is Redis 5.0.9, the barrier needs 6.2 or newer'],
    [{ role: 'slave' }, 'the server is a replica, which takes no writes: connect to its master'],
    [{ cluster_enabled: '1' }, 'give redisBarrier a `Cluster` client instead of a `Redis`'],
  ])('refuses %j', async (info, text) => {
    await expect(redisBarrier(new ScriptedServer(info, durable)).check()).rejects.toThrow(text);
  });

  test.each([{ redis_version: '6.2.0' }, { redis_version: '8.4.1' }])('takes %j', async (info) => {
    await redisBarrier(new ScriptedServer(info, durable)).check();
  });

  test('says so where nothing answers, or the client is closed', async () => {
    const silent = new ScriptedServer({}, durable);
    silent.callBuffer = () => new Promise(() => {});
    const scheduler = {
      after: (_ms: number, work: () => void) => {
        work();
        return { cancel: () => undefined };
      },
      soon: () => undefined,
    };
    await expect(redisBarrier(silent, { scheduler }).check()).rejects.toThrow(
      'Redis does not answer within 10000 ms; check its address, and that it runs',
    );
    const closed = new ScriptedServer({}, durable);
    closed.status = 'end';
    await expect(redisBarrier(closed).check()).rejects.toThrow(/the Redis client was closed/);
    const away = new Redis({ port: 1, lazyConnect: true, retryStrategy: () => null });
    away.on('error', () => undefined);
    await expect(redisBarrier(away).check()).rejects.toThrow(
      /^Redis cannot be asked: .*; check its address, user and password, and that it runs$/,
    );
  });

  test('has nothing to migrate and nothing to clean up', async () => {
    const barrier = redisBarrier(new ScriptedServer({}, durable));
    await barrier.migrate();
    expect(await barrier.cleanUp()).toBe(0);
    expect(barrier.name).toBe('redis');
    expect(barrier.retentionMs).toBe(2_592_000_000);
  });
});

describe('redisBarrier', () => {
  test.each([undefined, null, {}, 'redis://localhost'])('refuses %j as a client', (client) => {
    expect(() => redisBarrier(client as never)).toThrow(ConfigError);
    expect(() => redisBarrier(client as never)).toThrow(/must be given an ioredis client/);
  });

  test('refuses options that it does not know, or that are malformed', () => {
    const server = new ScriptedServer({}, durable);
    expect(() => redisBarrier(server, { requireDurabel: true } as never)).toThrow(
      /redisBarrier: unknown requireDurabel \(did you mean requireDurable\?\)/,
    );
    expect(() => redisBarrier(server, { retention: '1m' })).toThrow(/redisBarrier: retention/);
    expect(() => redisBarrier(server, { requireDurable: 'no' as never })).toThrow(
      /redisBarrier: requireDurable must be true or false/,
    );
  });

  test('listens to a client once, however many barriers share it', () => {
    const server = new ScriptedServer({}, durable);
    for (let count = 0; count < 20; count += 1) redisBarrier(server);
    expect(server.listenerCount('close')).toBe(1);
  });
});

describeWithOwnRedis('a server with appendfsync always and noeviction', () => {
  const server = new RestartableRedis();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  test('is durable enough', async () => {
    await redisBarrier(server.client(), { requireDurable: true }).check();
  });
});

describeWith('redis-cluster', (server) => {
  test('every master of a cluster is asked', async () => {
    const cluster = new Cluster([server.url]);
    const strict = redisBarrier(cluster, { requireDurable: true });
    await redisBarrier(cluster).check();
    const masters = cluster.nodes('master');
    const before = await Promise.all(masters.map(settingsOf));
    try {
      for (const node of masters) {
        await node.config('SET', 'appendonly', 'yes');
        await node.config('SET', 'appendfsync', 'always');
      }
      await strict.check();
      await masters[1]?.config('SET', 'appendfsync', 'everysec');
      await expect(strict.check()).rejects.toThrow(/appendfsync is everysec/);
    } finally {
      for (const [index, node] of masters.entries()) {
        for (const [name, value] of before[index] ?? []) await node.config('SET', name, value);
      }
      cluster.disconnect();
    }
  });
});

async function settingsOf(node: Redis): Promise<readonly (readonly [string, string])[]> {
  const names = ['appendonly', 'appendfsync'] as const;
  const values = names.map(async (name) => {
    const [, value] = (await node.config('GET', name)) as [string, string];
    return [name, value] as const;
  });
  return Promise.all(values);
}
