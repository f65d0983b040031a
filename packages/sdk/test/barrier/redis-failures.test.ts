/** What the Redis barrier says when Redis does not do its part: what promises that nothing happened, and what is unknown. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Cluster, ReplyError, Redis } from 'ioredis';
import { describeWith } from '../../../../test/support/servers/describe-with';
import { redisBarrier, type RedisConnection } from '../../src/barrier/redis';
import { failureOf } from '../../src/barrier/redis-failures';
import { BarrierError } from '../../src/errors';
import { TccReject, TccRetry } from '../../src/participant/verdicts';
import { Branch } from './support/redis-branch';
import { Shelf } from './support/redis-shelf';
import { describeWithOwnRedis, RestartableRedis } from './support/restartable-redis';

describe('the error of a command', () => {
  const answer = (text: string): Error => new (ReplyError as ErrorConstructor)(text);

  test.each([
    'BUSY Redis is busy running a script.',
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'MASTERDOWN Link with MASTER is down',
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots',
    'NOREPLICAS Not enough good replicas to write.',
    'ERR Error running script (call to f_1): Script killed by user with SCRIPT KILL...',
  ])('%s: it was not begun (RD6)', (text) => {
    expect(failureOf(answer(text), false)).toBe('not-begun');
    expect(failureOf(answer(text), true)).toBe('unknown');
    expect(failureOf(new Error(text), false)).toBe('unknown');
  });

  test.each([
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair',
    'NOPERM this user has no permissions',
    'MOVED 12182 127.0.0.1:7002',
    "CROSSSLOT Keys in request don't hash to the same slot",
    "ERR unknown command 'evalsha'",
    'ERR Error compiling script (new function): user_script:1',
  ])('%s: it was refused (RD6)', (text) => {
    expect(failureOf(answer(text), false)).toBe('refused');
    expect(failureOf(answer(text), true)).toBe('unknown');
  });

  test.each([
    ["Stream isn't writeable and enableOfflineQueue options is false", 'not-begun'],
    ["Cluster isn't ready and enableOfflineQueue options is false", 'not-begun'],
    ['Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The', 'not-begun'],
    ['Too many Cluster redirections. Last error: Error: Connection is closed.', 'unknown'],
    ['Connection in subscriber mode, only subscriber commands may be used', 'refused'],
    ['Connection is closed.', 'unknown'],
    ['Command timed out', 'unknown'],
    ['Reached the max retries per request limit (which is 20).', 'unknown'],
    ['read ECONNRESET', 'unknown'],
    ['no answer within 5 ms', 'unknown'],
  ])('%s, of the client: %s', (text, failure) => {
    expect(failureOf(new Error(text), false)).toBe(failure);
  });

  test.each([undefined, 'text', answer('ERR something new'), answer('WRONGTYPE of a row')])(
    '%s: nobody knows',
    (error) => {
      expect(failureOf(error, false)).toBe('unknown');
    },
  );
});

/** A client that answers as the test says. */
class ScriptedClient extends EventEmitter implements RedisConnection {
  readonly isCluster = false;
  readonly options = {};
  status = 'ready';
  readonly sent: string[] = [];

  constructor(private readonly answer: (client: ScriptedClient) => unknown) {
    super();
  }

  async callBuffer(command: string): Promise<unknown> {
    this.sent.push(command);
    return this.answer(this);
  }
}

describe('a call', () => {
  const run = (client: RedisConnection) =>
    new Branch(redisBarrier(client)).run('try', ({ db }) => db.apply({ tag: 'a' }));
  const busy = (): Error => new (ReplyError as ErrorConstructor)('BUSY Redis is busy');

  test('that was not begun promises that nothing happened', async () => {
    const client = new ScriptedClient(() => {
      throw busy();
    });
    await expect(run(client)).rejects.toThrow(TccRetry);
    await expect(run(client)).rejects.toThrow('barrier: Redis takes no work now: BUSY');
  });

  test('promises nothing where a connection was lost meanwhile: it may have been sent twice (RD6)', async () => {
    const client = new ScriptedClient((it) => {
      it.emit('close');
      throw busy();
    });
    await expect(run(client)).rejects.toThrow(BarrierError);
    await expect(run(client)).rejects.toThrow(/may or may not have been carried out.*BUSY/);
  });

  test('whose answer is none of the script is unknown', async () => {
    const queued = new ScriptedClient(() => Buffer.from('QUEUED'));
    await expect(run(queued)).rejects.toThrow(/answered "QUEUED" instead of.*in no MULTI$/);
    const odd = new ScriptedClient(() => [Buffer.from('maybe')]);
    await expect(run(odd)).rejects.toThrow(BarrierError);
  });

  test('is not sent through a closed client', async () => {
    const client = new ScriptedClient(() => undefined);
    client.status = 'end';
    await expect(run(client)).rejects.toThrow(
      /the script was not begun, nothing was written: the Redis client was closed/,
    );
    expect(client.sent).toEqual([]);
  });

  test('whose note cannot be stored is unknown', async () => {
    const answers: unknown[] = [[Buffer.from('done'), null]];
    const client = new ScriptedClient(() => {
      const next = answers.shift();
      if (next === undefined) throw new Error('Connection is closed.');
      return next;
    });
    const branch = new Branch(redisBarrier(client));
    const call = branch.run('try', ({ db }) => db.apply({ tag: 'a' }), { note: Buffer.from('1') });
    await expect(call).rejects.toThrow(
      /has done its work, but what belongs to its reply could not be stored \(Connection is closed/,
    );
  });
});

describeWithOwnRedis('with a Redis of its own, the barrier', () => {
  let server: RestartableRedis;
  let client: Redis;
  let shelf: Shelf;
  let branch: Branch;

  beforeEach(async () => {
    server = new RestartableRedis([
      '--busy-reply-threshold',
      '20',
      '--enable-debug-command',
      'yes',
    ]);
    await server.start();
    client = server.client();
    shelf = new Shelf(client, 'sku');
    branch = new Branch(redisBarrier(client));
    await shelf.fill(5);
  });
  afterEach(() => server.stop());

  test('says that nothing happened where memory is full, and it is so', async () => {
    await client.config('SET', 'maxmemory', '1');
    const call = branch.run('try', shelf.reserve(2, 'a'));
    await expect(call).rejects.toThrow(TccRetry);
    await expect(call).rejects.toThrow(/^barrier: Redis takes no w.* now: .*OOM/);
    await expect(branch.run('cancel', shelf.putBack('a'))).rejects.toThrow(TccRetry);
    await client.config('SET', 'maxmemory', '0');
    expect(await client.exists(branch.row('sku'))).toBe(0);
    expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('done');
  });

  test('says that nothing happened where the server is a replica now, and it is so', async () => {
    await client.replicaof('127.0.0.1', 1);
    await expect(branch.run('try', shelf.reserve(2, 'a'))).rejects.toThrow(TccRetry);
    await client.replicaof('NO', 'ONE');
    expect(await shelf.state()).toBe('5 left, 0 held');
    expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('done');
  });

  test('says that nothing happened where not enough replicas listen', async () => {
    await client.config('SET', 'min-replicas-to-write', '1');
    const call = branch.run('try', shelf.reserve(2, 'a'));
    await expect(call).rejects.toThrow(TccRetry);
    await expect(call).rejects.toThrow(/NOREPLICAS/);
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('says that nothing happened while another script blocks the server', async () => {
    const killer = server.client();
    await killer.ping();
    const other = server.client();
    const blocked = other.eval('while true do end', 0).catch((error: unknown) => error);
    while (!(await isBusy(killer)));
    const call = branch.run('try', shelf.reserve(2, 'a'));
    await expect(call).rejects.toThrow(TccRetry);
    await expect(call).rejects.toThrow(/BUSY/);
    await killer.script('KILL');
    await blocked;
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('says that nothing happened where its check was killed', async () => {
    const killer = server.client();
    await killer.ping();
    const call = branch
      .run('try', ({ db }) => db.apply({ tag: 'sku', check: 'while true do end' }))
      .catch((error: unknown) => error);
    while (!(await isBusy(killer)));
    await killer.script('KILL');
    expect(await call).toBeInstanceOf(TccRetry);
    expect(await client.exists(branch.row('sku'))).toBe(0);
  });

  test('names what is missing where the user may not run scripts', async () => {
    await client.call('ACL', 'SETUSER', 'poor', 'on', 'nopass', '~*', '+@all', '-@scripting');
    const poor = new Branch(redisBarrier(server.client({ username: 'poor', password: 'x' })));
    const call = poor.run('try', shelf.reserve(2, 'a'));
    await expect(call).rejects.toThrow(BarrierError);
    await expect(call).rejects.toThrow(
      /nothing was written: NOPERM.*; allow the user eval, evalsha/,
    );
  });

  test('refuses before anything is written where the user may not touch the row', async () => {
    await client.call('ACL', 'SETUSER', 'half', 'on', 'nopass', '~left:*', '~held:*', '+@all');
    const half = new Branch(redisBarrier(server.client({ username: 'half', password: 'x' })));
    await expect(half.run('try', shelf.reserve(2, 'a'))).rejects.toThrow(/NOPERM/);
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('waits no longer than its caller, and says that nobody knows', async () => {
    await client.call('CLIENT', 'PAUSE', '500', 'ALL');
    const hurried = new Branch(redisBarrier(client, { clock: { now: () => 0 } }));
    const call = hurried.run('try', shelf.reserve(2, 'a'), { deadline: 30 });
    await expect(call).rejects.toThrow(BarrierError);
    await expect(call).rejects.toThrow(/may or may not have been carried out.*no answer within/);
    // It was carried out: the next call finds it.
    expect((await hurried.run('try', shelf.reserve(2, 'a'))).kind).toBe('duplicate');
    expect(await shelf.state()).toBe('3 left, 2 held');
  });

  test('remembers through a KILL between the phases, and does each once', async () => {
    await branch.run('try', shelf.reserve(2, 'a', { id: 1 }));
    await server.kill();
    await server.start();
    expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('duplicate');
    expect((await branch.run('confirm', shelf.sell('a'))).kind).toBe('done');
    await server.kill();
    await server.start();
    expect((await branch.run('confirm', shelf.sell('a'))).kind).toBe('duplicate');
    expect((await branch.run('cancel', shelf.putBack('a'))).kind).toBe('conflict');
    expect(await shelf.state()).toBe('3 left, 0 held');
  });

  test('has done a call once, whatever it was told when the server was killed under it', async () => {
    const ends: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const own = new Branch(redisBarrier(server.client({ maxRetriesPerRequest: 1 })));
      const calls = Array.from({ length: 20 }, (_, i) =>
        own.run('try', shelf.reserve(0, `${round}`), { attempt: i + 1 }).then(
          ({ kind }) => kind,
          (error: Error) => error.name,
        ),
      );
      const first = Promise.race(calls);
      if (round % 2 === 0) await first;
      await server.kill();
      ends.push(...(await Promise.all(calls)));
      await server.start();
      const last = await own.run('try', shelf.reserve(0, `${round}`));
      ends.push(last.kind);
      const [done] = await client.hmget(own.row('sku'), 'try');
      expect(done).toBe('try');
    }
    expect(new Set(ends).size).toBeGreaterThan(1);
    expect(ends).toContain('duplicate');
    expect(ends.every((end) => ['done', 'duplicate', 'BarrierError'].includes(end))).toBe(true);
  });

  test('says that nobody knows where the connection broke, and that nothing was sent where there is none', async () => {
    const strict = server.client({ enableOfflineQueue: false, retryStrategy: () => null });
    await new Promise((resolve) => strict.once('ready', resolve));
    const other = new Branch(redisBarrier(strict));
    await client.call('CLIENT', 'PAUSE', '10000', 'ALL');
    const open = other.run('try', shelf.reserve(2, 'a')).catch((error: unknown) => error);
    await server.kill();
    const error = await open;
    expect(error).toBeInstanceOf(BarrierError);
    expect(String(error)).toMatch(/may or may not have been carried out/);
    await expect(other.run('try', shelf.reserve(2, 'a'))).rejects.toThrow(/was closed/);
  });

  test('never calls a reject of its check anything else', async () => {
    await expect(branch.run('try', shelf.reserve(6, 'a'))).rejects.toBeInstanceOf(TccReject);
  });
});

async function isBusy(client: Redis): Promise<boolean> {
  try {
    await client.ping();
    return false;
  } catch (error) {
    return String(error).includes('BUSY');
  }
}

describeWith('redis-cluster', (server) => {
  test('a client of one node is told to be a Cluster, and a Cluster is not', async () => {
    const single = new Redis(server.url);
    const cluster = new Cluster([server.url]);
    try {
      const errors = [];
      for (const tag of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
        const plan = { tag };
        const branch = new Branch(redisBarrier(single));
        errors.push(
          await branch.run('try', ({ db }) => db.apply(plan)).catch((error: unknown) => error),
        );
        const other = new Branch(redisBarrier(cluster));
        expect((await other.run('try', ({ db }) => db.apply(plan))).kind).toBe('done');
      }
      const moved = errors.find((error) => error instanceof BarrierError);
      expect(String(moved)).toMatch(
        /nothing was written: MOVED .*; the server belongs to a Redis Cluster: give redisBarrier a `Cluster` client/,
      );
      await expect(redisBarrier(single).check()).rejects.toThrow(/give redisBarrier a `Cluster`/);
    } finally {
      single.disconnect();
      cluster.disconnect();
    }
  });
});
