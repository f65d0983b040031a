/** The user's texts of Lua: what check may not, what becomes of an apply that fails, and the server's own memory of scripts. */
import { describe, expect, test } from '@jest/globals';
import type { Cluster, Redis } from 'ioredis';
import { BarrierError } from '../../src/errors';
import { readCommands } from '../../src/barrier/redis-reads';
import { TccReject } from '../../src/participant/verdicts';
import { describeOnRedis, type Handler, type RedisSite } from './support/redis-branch';
import { Shelf } from './support/redis-shelf';

interface Bench {
  readonly shelf: Shelf;
  readonly branch: ReturnType<RedisSite['branch']>;
  /** A handler of these texts, on the keys of the shelf. */
  readonly of: (texts: { check?: string; apply?: string }) => Handler;
}

async function bench(site: RedisSite): Promise<Bench> {
  const shelf = new Shelf(site.client, site.tag());
  await shelf.fill(5);
  const { tag, left, held } = shelf;
  return {
    shelf,
    branch: site.branch(),
    of:
      (texts) =>
      ({ db }) =>
        db.apply({ tag, keys: [left, held], ...texts }),
  };
}

describeOnRedis('check', (site) => {
  test.each([
    [`redis.call('SET', KEYS[1], '0')`, 'SET'],
    [`redis.call('del', KEYS[1])`, 'del'],
    [`redis.pcall('INCR', KEYS[1])`, 'INCR'],
    [`redis.call('GETDEL', KEYS[1])`, 'GETDEL'],
    [`redis.call('EVAL', 'return 1', 0)`, 'EVAL'],
    [`redis.call('SORT', KEYS[1], 'STORE', KEYS[1])`, 'SORT'],
    [`redis.call(1)`, '1'],
  ])('cannot write: %s (RD3)', async (check, name) => {
    const { branch, shelf, of } = await bench(site);
    const call = branch.run('try', of({ check }));
    await expect(call).rejects.toThrow(BarrierError);
    await expect(call).rejects.toThrow(
      `the Try handler of reserve (shop.StockTcc): check failed: check may only read, and ${name} is not on the list of commands that do; nothing was written`,
    );
    expect(await shelf.state()).toBe('5 left, 0 held');
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
  });

  test.each([
    `_G.redis.call('SET', KEYS[1], '0')`,
    `loadstring("redis.call('SET', KEYS[1], '0')")()`,
    `getfenv(0).redis.call('SET', KEYS[1], '0')`,
    `setfenv(1, {})`,
    `server.call('SET', KEYS[1], '0')`,
    `redis.set_repl(redis.REPL_NONE)`,
    `KEYS[1] = 'x' tried.saved = 1`,
    `write('SET', KEYS[1], '0')`,
  ])('cannot get at the real redis: %s (RD3)', async (check) => {
    const { branch, shelf, of } = await bench(site);
    await expect(branch.run('try', of({ check }))).rejects.toThrow(
      /check failed: .*nothing was written$/,
    );
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('that changes its own KEYS and ARGV does not change those of apply', async () => {
    const { branch, shelf, of } = await bench(site);
    const texts = { check: `KEYS[1] = KEYS[2]`, apply: `redis.call('DECR', KEYS[1])` };
    await branch.run('try', of(texts));
    expect(await shelf.state()).toBe('4 left, 0 held');
  });

  test('that refuses makes a TccReject of a Try, with its reason', async () => {
    const { branch, shelf, of } = await bench(site);
    const call = branch.run('try', of({ check: `return 'too late today'` }));
    await expect(call).rejects.toBeInstanceOf(TccReject);
    await expect(call).rejects.toThrow('too late today');
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
    expect((await branch.run('try', of({}))).kind).toBe('done');
  });

  test('that refuses a Confirm or a Cancel is an error: nothing may be refused there', async () => {
    const { branch, of } = await bench(site);
    await branch.run('try', of({}));
    for (const phase of ['confirm', 'cancel'] as const) {
      const call = branch.run(phase, of({ check: `return 'no'` }));
      await expect(call).rejects.toThrow(BarrierError);
      await expect(call).rejects.toThrow(/check refused with "no", but a Confirm or Cancel cannot/);
    }
    expect((await branch.run('confirm', of({}))).kind).toBe('done');
  });

  test('sees a key of the wrong type before anything is written', async () => {
    const { branch, shelf, of } = await bench(site);
    const texts = {
      check: `redis.call('HGET', KEYS[1], 'a')`,
      apply: `redis.call('HSET', KEYS[1], 'a', 1)`,
    };
    const call = branch.run('try', of(texts));
    await expect(call).rejects.toThrow(/check failed: .*WRONGTYPE.*nothing was written/);
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
  });

  test.each([
    ['return true', 'it returned a boolean'],
    ['return 1', 'it returned a number'],
    [`return redis.call('TYPE', KEYS[1])`, 'it returned a table'],
  ])('has to return a text or nothing: %s', async (check, text) => {
    const { branch, of } = await bench(site);
    await expect(branch.run('try', of({ check }))).rejects.toThrow(text);
  });

  test('is told with the line of its own text', async () => {
    const { branch, of } = await bench(site);
    const check = `local a = 1\nlocal b = 2\nreturn a.b.c`;
    await expect(branch.run('try', of({ check }))).rejects.toThrow(
      /check failed: check:3: attempt/,
    );
  });
});

describeOnRedis('apply', (site) => {
  const half = `redis.call('DECR', KEYS[1])\nredis.call('HSET', KEYS[1], 'a', 'wrong type')`;

  test('that fails half-way leaves the call unknown, and the branch known as half done (RD4)', async () => {
    const { branch, shelf, of } = await bench(site);
    const call = branch.run('try', of({ apply: half }));
    await expect(call).rejects.toThrow(BarrierError);
    await expect(call).rejects.toThrow(/apply failed, so the barrier keeps at tercet:.*WRONGTYPE/);
    expect(await shelf.state()).toBe('4 left, 0 held');
    await expect(branch.run('try', of({}))).rejects.toThrow(/failed half-way .*WRONGTYPE/);
    for (const phase of ['confirm', 'cancel', 'cancel'] as const) {
      expect(await branch.run(phase, of({}))).toMatchObject({
        kind: 'conflict',
        message: expect.stringMatching(/the work of slot try failed half-way.*HDEL .* try.half$/),
      });
    }
    expect(await site.client.pttl(branch.row(shelf.tag))).toBe(-1);
  });

  test('that failed half-way goes on after somebody has mended the data and said so', async () => {
    const { branch, shelf, of } = await bench(site);
    await branch.run('try', of({ apply: half })).catch(() => undefined);
    await shelf.fill(5);
    await site.client.hdel(branch.row(shelf.tag), 'try.half');
    expect((await branch.run('try', of({}))).kind).toBe('duplicate');
    expect((await branch.run('cancel', of({}))).kind).toBe('done');
  });

  test.each(['confirm', 'cancel'] as const)(
    'that fails half-way in %s conflicts from then on (RD4)',
    async (phase) => {
      const { branch, shelf, of } = await bench(site);
      await branch.run('try', of({}));
      await expect(branch.run(phase, of({ apply: half }))).rejects.toThrow(BarrierError);
      for (const next of ['confirm', 'cancel'] as const) {
        expect((await branch.run(next, of({}))).kind).toBe('conflict');
      }
      expect(await site.client.pttl(branch.row(shelf.tag))).toBe(-1);
    },
  );

  test('that returns an error that it caught has failed, too', async () => {
    const { branch, of } = await bench(site);
    const call = branch.run('try', of({ apply: `return redis.pcall('HGET', KEYS[1], 'a')` }));
    await expect(call).rejects.toThrow(/apply failed.*WRONGTYPE/);
  });

  test('is told with the line of its own text', async () => {
    const { branch, of } = await bench(site);
    const call = branch.run(
      'try',
      of({ check: `local a = 1\n\n`, apply: `local b = 1\nb.c.d = 2` }),
    );
    await expect(call).rejects.toThrow(/apply:2: attempt/);
  });

  test.each([
    ['a text', `return 'seat 7'`, 'seat 7'],
    ['an empty text', `return ''`, ''],
    ['a number', 'return 42', '42'],
    ['a large number', 'return 9007199254740991', '9007199254740991'],
    ['a broken number', 'return 0.1', '0.10000000000000001'],
    ['nothing', '', undefined],
    ['an answer of the server', `return redis.call('SET', KEYS[2], 1)`, undefined],
    ['a list', 'return { 1, 2 }', undefined],
  ])('can return %s, which Confirm and Cancel see', async (_, apply, saved) => {
    const { branch, shelf, of } = await bench(site);
    await branch.run('try', of({ apply }));
    await site.client.del(shelf.held);
    const seen = `redis.call('HSET', KEYS[2], 'saved', type(tried.saved) .. ':' .. tostring(tried.saved))`;
    await branch.run(
      'confirm',
      of({ check: `if not tried then return 'no Try' end`, apply: seen }),
    );
    const text = saved === undefined ? 'nil:nil' : `string:${saved}`;
    expect(await site.client.hget(shelf.held, 'saved')).toBe(text);
  });

  test('sees the bytes of the reply of its Try', async () => {
    const { branch, shelf } = await bench(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    await branch.run('confirm', ({ db }) =>
      db.apply({
        tag: shelf.tag,
        keys: [shelf.held],
        apply: `redis.call('HSET', KEYS[1], 'reply', tried.reply)`,
      }),
    );
    expect(await site.client.hget(shelf.held, 'reply')).toBe('{"held":2}');
  });
});

describeOnRedis('scripts', (site) => {
  test('are sent again where the server has forgotten them', async () => {
    const { branch, shelf } = await bench(site);
    await branch.run('try', shelf.reserve(1, 'a'));
    await flushScripts(site.client);
    expect((await branch.run('try', shelf.reserve(1, 'a'))).kind).toBe('duplicate');
    await flushScripts(site.client);
    expect((await branch.run('confirm', shelf.sell('a'))).kind).toBe('done');
  });

  test('that do not compile are told with the line of the text, and nothing is written', async () => {
    const { branch, shelf, of } = await bench(site);
    const told = async (texts: { check?: string; apply?: string }, text: string) => {
      const call = branch.run('try', of(texts));
      await expect(call).rejects.toThrow(BarrierError);
      await expect(call).rejects.toThrow(
        `the script was not begun, nothing was written: ERR Error compiling script (new function): ${text}`,
      );
    };
    await told({ check: 'local a = 1\nlocal = 2' }, 'check:2: ');
    await told({ check: '\n', apply: 'local a = 1\nlocal = 2' }, 'apply:2: ');
    await told({ apply: 'if a then' }, 'after the end of check and apply: ');
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
  });

  test('may end in a comment', async () => {
    const { branch, of } = await bench(site);
    const texts = { check: 'return nil -- fine', apply: 'return 1 -- done' };
    expect((await branch.run('try', of(texts))).kind).toBe('done');
  });
});

describe('the list of commands that check may call', () => {
  describeOnRedis('against the server', (site) => {
    test('has only commands that read', async () => {
      const [node] = site.client.isCluster ? (site.client as Cluster).nodes() : [site.client];
      const all = (await (node as Redis).call('command')) as [string, number, string[]][];
      const flags = new Map(all.map(([name, , theirs]) => [name.toUpperCase(), theirs]));
      const known = readCommands.filter((name) => flags.has(name));
      expect(known.length).toBeGreaterThan(60);
      for (const name of known) {
        const readsOnly = name === 'TIME' || flags.get(name)?.includes('readonly');
        expect(`${name} ${readsOnly ? 'reads' : 'writes'}`).toBe(`${name} reads`);
        expect(flags.get(name)).not.toContain('write');
      }
    });
  });
});

async function flushScripts(client: Redis | Cluster): Promise<void> {
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  for (const node of nodes) await node.script('FLUSH');
}
