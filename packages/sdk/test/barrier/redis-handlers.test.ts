/** What handlers can do wrong with the Redis barrier, and what becomes of the call. */
import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { BarrierError, ConfigError } from '../../src/errors';
import { TccReject } from '../../src/participant/verdicts';
import { hashedPart } from '../../src/barrier/redis-plan';
import { type RedisPlan, redisBarrier } from '../../src/barrier/redis';
import { Branch, describeOnRedis, type Handler, type RedisSite } from './support/redis-branch';
import { Shelf } from './support/redis-shelf';

async function filled(site: RedisSite): Promise<{ branch: Branch; shelf: Shelf }> {
  const shelf = new Shelf(site.client, site.tag());
  await shelf.fill(5);
  return { branch: site.branch(), shelf };
}

describeOnRedis('a handler', (site) => {
  test('that returns without apply is told so, by name', async () => {
    const { branch } = await filled(site);
    const call = branch.run('confirm', async () => undefined);
    await expect(call).rejects.toThrow(ConfigError);
    await expect(call).rejects.toThrow(
      /^the Confirm handler of reserve \(shop.StockTcc\) ended without ctx.db.apply; call it once/,
    );
  });

  test('that throws without apply has changed nothing, and its error is the answer', async () => {
    const { branch, shelf } = await filled(site);
    const refusal = new TccReject('closed today');
    const call = branch.run('try', async () => {
      throw refusal;
    });
    await expect(call).rejects.toBe(refusal);
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
  });

  test('that applies twice leaves the call unknown, though the first was carried out (RD8)', async () => {
    const { branch, shelf } = await filled(site);
    const call = branch.run('try', async (opened) => {
      const reply = await shelf.reserve(2, 'a')(opened);
      await shelf
        .reserve(
          1,
          'a',
        )(opened)
        .catch(() => undefined);
      return reply;
    });
    await expect(call).rejects.toThrow(BarrierError);
    await expect(call).rejects.toThrow(
      'the Try handler of reserve (shop.StockTcc) has done its work in Redis, but it called ctx.db.apply twice',
    );
    expect(await shelf.state()).toBe('3 left, 2 held');
  });

  test.each(['try', 'confirm', 'cancel'] as const)(
    'that throws after apply in %s leaves the call unknown, a reject included (RD8)',
    async (phase) => {
      const { branch, shelf } = await filled(site);
      const handlers = {
        try: shelf.reserve(2, 'a'),
        confirm: shelf.sell('a'),
        cancel: shelf.putBack('a'),
      };
      if (phase !== 'try') await branch.run('try', handlers.try);
      const thrower: Handler = async (opened) => {
        await handlers[phase](opened);
        throw new TccReject('changed my mind');
      };
      for (let time = 0; time < 2; time += 1) {
        const call = branch.run(phase, thrower);
        await expect(call).rejects.toThrow(BarrierError);
        await expect(call).rejects.toThrow('threw afterwards: changed my mind');
      }
      expect((await branch.run(phase, handlers[phase])).kind).toBe('duplicate');
    },
  );

  test('that returns another reply than it applied with leaves the call unknown', async () => {
    const { branch, shelf } = await filled(site);
    const call = branch.run('try', async (opened) => {
      await shelf.reserve(2, 'a')(opened);
      return { other: true };
    });
    await expect(call).rejects.toThrow(
      'returned another reply than the one that apply resolved with',
    );
    expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('duplicate');
  });

  test('that swallows what apply throws changes no end: late, empty, conflict, refused (RD7)', async () => {
    const { branch, shelf } = await filled(site);
    const swallowing =
      (handler: Handler): Handler =>
      async (opened) => {
        await handler(opened).catch(() => undefined);
        return { fine: true };
      };
    const poor = branch.run('try', swallowing(shelf.reserve(6, 'a')));
    await expect(poor).rejects.toThrow(new TccReject('only 5 left'));
    expect(await branch.run('confirm', swallowing(shelf.sell('a')))).toMatchObject({
      kind: 'conflict',
    });
    expect(await branch.run('cancel', swallowing(shelf.putBack('a')))).toEqual({ kind: 'empty' });
    expect(await branch.run('try', swallowing(shelf.reserve(1, 'a')))).toEqual({ kind: 'late' });
    const wrong = branch.run(
      'cancel',
      swallowing(({ db }) => db.apply({ tag: '' })),
    );
    await expect(wrong).rejects.toThrow(ConfigError);
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('that throws something else after an end was told changes no end either (RD7)', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('cancel', shelf.putBack('a'));
    const end = await branch.run('try', async (opened) => {
      await shelf
        .reserve(
          1,
          'a',
        )(opened)
        .catch(() => undefined);
      throw new TccReject('whatever');
    });
    expect(end).toEqual({ kind: 'late' });
  });

  test('that does not wait for apply is waited for', async () => {
    const { branch, shelf } = await filled(site);
    const { tag, left } = shelf;
    const end = await branch.run('try', async ({ db }) => {
      void db.apply({ tag, keys: [left], apply: `redis.call('DECR', KEYS[1])` });
    });
    expect(end.kind).toBe('done');
    expect(await shelf.state()).toBe('4 left, 0 held');
    const confirmed = site.branch().run('confirm', async (opened) => {
      void shelf.sell('a')(opened);
      return undefined;
    });
    expect(await confirmed).toMatchObject({ kind: 'conflict' });
  });

  test('that keeps ctx.db and uses it after it has ended is refused', async () => {
    const { branch, shelf } = await filled(site);
    let late: (() => Promise<unknown>) | undefined;
    await branch.run('try', async (opened) => {
      late = () => shelf.reserve(1, 'a')(opened);
      return shelf.reserve(2, 'a')(opened);
    });
    await expect(late?.()).rejects.toThrow('used ctx.db after it had ended');
    expect(await shelf.state()).toBe('3 left, 2 held');
  });

  test('cannot ask what the Try left before apply was answered, and can afterwards', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    const early = branch.run('confirm', async (opened) => opened.tried);
    await expect(early).rejects.toThrow(
      /asked what its Try left before ctx.db.apply was answered: .* tried.saved and tried.reply$/,
    );
    let tried: unknown;
    await branch.run('cancel', async (opened) => {
      const reply = await shelf.putBack('a')(opened);
      ({ tried } = opened);
      return reply;
    });
    expect(tried).toEqual({ reply: Buffer.from('{"held":2}'), note: undefined });
  });

  test('whose caller has gone sends nothing', async () => {
    const { branch, shelf } = await filled(site);
    branch.gone = true;
    await expect(branch.run('try', shelf.reserve(2, 'a'))).rejects.toThrow('was given up');
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('whose reply cannot be encoded has sent nothing', async () => {
    const { branch, shelf } = await filled(site);
    const encodeReply = (): Uint8Array => {
      throw new Error('reserve.try: no such field');
    };
    const call = branch.run('try', shelf.reserve(2, 'a'), { encodeReply });
    await expect(call).rejects.toThrow('reserve.try: no such field');
    const large = branch.run('try', shelf.reserve(2, 'a', 'x'.repeat(4_194_304)));
    await expect(large).rejects.toThrow(/a reply of 4194306 bytes, at most 4194304 are kept/);
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('whose reply function throws has done its work, and the call is unknown', async () => {
    const { branch, shelf } = await filled(site);
    const call = branch.run('try', ({ db }) =>
      db.apply({
        tag: shelf.tag,
        keys: [shelf.left],
        apply: `redis.call('DECR', KEYS[1])`,
        reply: () => {
          throw new Error('no idea');
        },
      }),
    );
    await expect(call).rejects.toThrow('could not make its reply afterwards: no idea');
    expect(await shelf.state()).toBe('4 left, 0 held');
  });

  const wrongPlans: [string, unknown, RegExp][] = [
    ['no plan', undefined, /apply was given undefined; give it \{ tag, keys/],
    ['no tag', {}, /the tag undefined; it must be a text/],
    ['an empty tag', { tag: '' }, /the tag an empty text;/],
    ['a tag with a brace', { tag: 'a}' }, /has no "}"/],
    [
      'a key without the tag',
      { tag: 'a', keys: ['stock:a'] },
      /the key "stock:a", which does not carry the tag of the call.*such as "stock:\{a\}"/,
    ],
    ['a key with another tag first', { tag: 'a', keys: ['{b}{a}'] }, /the key "\{b\}\{a\}"/],
    ['a key that is no text', { tag: 'a', keys: [7] }, /the key 7/],
    ['keys that are no array', { tag: 'a', keys: '{a}' }, /a string as keys; it must be an array/],
    ['a number that is none', { tag: 'a', args: [NaN] }, /NaN as args\[0\]/],
    ['an object as argument', { tag: 'a', args: ['x', {}] }, /an object as args\[1\]/],
    ['a check that is no text', { tag: 'a', check: () => 1 }, /a function as check/],
  ];

  test.each(wrongPlans)(
    'that gives apply %s has sent nothing, and is told by name (RD1)',
    async (_, plan, text) => {
      const { branch, shelf } = await filled(site);
      const call = branch.run('try', ({ db }) => db.apply(plan as RedisPlan));
      await expect(call).rejects.toThrow(ConfigError);
      await expect(call).rejects.toThrow(text);
      await expect(call).rejects.toThrow(/^the Try handler of reserve \(shop.StockTcc\): /);
      expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
    },
  );

  test('can give texts, numbers, bigints and bytes, and gets them as they were', async () => {
    const { branch, shelf } = await filled(site);
    const bytes = new Uint8Array([9, 0, 255, 13, 10, 9]).subarray(1, 5);
    const plan = {
      tag: shelf.tag,
      keys: [shelf.held],
      args: ['tëxt', -0.5, 12345678901234567890n, bytes],
      apply: `for i = 1, #ARGV do redis.call('HSET', KEYS[1], i, ARGV[i]) end`,
    };
    await branch.run('try', ({ db }) => db.apply(plan));
    const got = await site.client.hgetallBuffer(shelf.held);
    expect(String(got['1'])).toBe('tëxt');
    expect(String(got['2'])).toBe('-0.5');
    expect(String(got['3'])).toBe('12345678901234567890');
    expect(got['4']).toEqual(Buffer.from([0, 255, 13, 10]));
  });

  test('with nothing to do in Redis applies with the tag alone, and it is remembered', async () => {
    const { branch, shelf } = await filled(site);
    const nothing: Handler = ({ db }) => db.apply({ tag: shelf.tag });
    expect((await branch.run('try', nothing)).kind).toBe('done');
    expect((await branch.run('confirm', nothing)).kind).toBe('done');
    expect((await branch.run('cancel', nothing)).kind).toBe('conflict');
  });
});

describeOnRedis('a client with a prefix', (site) => {
  test('has its keys and rows behind it, in one slot', async () => {
    const keyPrefix = 'shop:';
    const { client } = site;
    const prefixed =
      client instanceof Redis
        ? client.duplicate({ keyPrefix })
        : client.duplicate([], { keyPrefix });
    try {
      const tag = site.tag();
      const shelf = new Shelf(prefixed, tag);
      await shelf.fill(5);
      const branch = new Branch(redisBarrier(prefixed));
      expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('done');
      expect(await site.client.get(`shop:left:{${tag}}`)).toBe('3');
      expect(await site.client.exists(`shop:${branch.row(tag)}`)).toBe(1);
    } finally {
      prefixed.disconnect();
    }
  });
});

describe('the part of a key that chooses its slot', () => {
  test.each([
    ['{a}:b', 'a'],
    ['b:{a}', 'a'],
    ['{a}{b}', 'a'],
    ['{{a}}', '{a'],
    ['{}a', '{}a'],
    ['a', 'a'],
    ['a}{', 'a}{'],
  ])('of %s is %s', (key, part) => {
    expect(hashedPart(key)).toBe(part);
  });
});
