/** The barrier's table, on a real Redis and a real Redis Cluster. */
import { expect, test } from '@jest/globals';
import type { BarrierEnd } from '../../src/barrier/barrier';
import { Branch, decodeReply, describeOnRedis, type RedisSite } from './support/redis-branch';
import { Shelf } from './support/redis-shelf';

async function filled(site: RedisSite): Promise<{ branch: Branch; shelf: Shelf }> {
  const shelf = new Shelf(site.client, site.tag());
  await shelf.fill(5);
  return { branch: site.branch(), shelf };
}

const nothing = Buffer.alloc(0);

describeOnRedis('the Redis barrier', (site) => {
  test('does the work of a Try once, and answers its duplicates with the stored reply', async () => {
    const { branch, shelf } = await filled(site);
    const first = await branch.run('try', shelf.reserve(2, 'a', { id: 1 }));
    const second = await branch.run('try', shelf.reserve(2, 'a', { id: 2 }), { attempt: 2 });
    expect(first.kind).toBe('done');
    expect(second.kind).toBe('duplicate');
    expect(replyOf(first)).toEqual({ id: 1 });
    expect(replyOf(second)).toEqual({ id: 1 });
    expect(await shelf.state()).toBe('3 left, 2 held');
  });

  test('does it once for a hundred duplicates at the same time, of every phase (RD2)', async () => {
    const { branch, shelf } = await filled(site);
    const all = async (phase: 'try' | 'confirm', handler: Parameters<Branch['run']>[1]) => {
      const ends = await Promise.all(Array.from({ length: 100 }, () => branch.run(phase, handler)));
      return ends.map(({ kind }) => kind);
    };
    const tries = await all('try', shelf.reserve(1, 'a'));
    expect(tries.filter((kind) => kind === 'done')).toHaveLength(1);
    expect(tries.filter((kind) => kind === 'duplicate')).toHaveLength(99);
    expect(await shelf.state()).toBe('4 left, 1 held');
    const confirms = await all('confirm', shelf.sell('a'));
    expect(confirms.filter((kind) => kind === 'done')).toHaveLength(1);
    expect(confirms.filter((kind) => kind === 'duplicate')).toHaveLength(99);
    expect(await shelf.state()).toBe('4 left, 0 held');
  });

  test('lets one of Confirm and Cancel win where both come at once; all the others conflict', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0
          ? branch.run('confirm', shelf.sell('a'))
          : branch.run('cancel', shelf.putBack('a')),
      ),
    );
    expect(ends.filter(({ kind }) => kind === 'done')).toHaveLength(1);
    expect(ends.filter(({ kind }) => kind === 'duplicate')).toHaveLength(9);
    expect(ends.filter(({ kind }) => kind === 'conflict')).toHaveLength(10);
    const sold = ends[0]?.kind !== 'conflict';
    expect(await shelf.state()).toBe(sold ? '3 left, 0 held' : '5 left, 0 held');
  });

  test('gives Confirm and Cancel what the Try has saved', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    expect(await branch.run('cancel', shelf.putBack('a'))).toEqual({
      kind: 'done',
      reply: nothing,
      note: undefined,
    });
    expect(await shelf.state()).toBe('5 left, 0 held');
    expect((await branch.run('cancel', shelf.putBack('a'))).kind).toBe('duplicate');
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('skips a Cancel without Try, and keeps every later Try out: the first, the second, the third', async () => {
    const { branch, shelf } = await filled(site);
    expect(await branch.run('cancel', shelf.putBack('a'))).toEqual({ kind: 'empty' });
    for (let late = 0; late < 3; late += 1) {
      expect(await branch.run('try', shelf.reserve(2, 'a'))).toEqual({ kind: 'late' });
    }
    expect(await shelf.state()).toBe('5 left, 0 held');
    expect((await branch.run('cancel', shelf.putBack('a'))).kind).toBe('duplicate');
  });

  test('refuses a repeated Try after the Cancel of its branch, each time', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    await branch.run('cancel', shelf.putBack('a'));
    for (let late = 0; late < 3; late += 1) {
      expect(await branch.run('try', shelf.reserve(2, 'a'))).toEqual({ kind: 'late' });
    }
    expect(await shelf.state()).toBe('5 left, 0 held');
  });

  test('answers a repeated Try after the Confirm with the stored reply', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a', { id: 7 }));
    await branch.run('confirm', shelf.sell('a'));
    const again = await branch.run('try', shelf.reserve(2, 'a', { id: 8 }));
    expect(again.kind).toBe('duplicate');
    expect(replyOf(again)).toEqual({ id: 7 });
  });

  test('calls the Cancel without Try where that was asked for, and tells it so', async () => {
    const { branch, shelf } = await filled(site);
    const seen: unknown[] = [];
    const handler: Parameters<Branch['run']>[1] = async (opened) => {
      const reply = await opened.db.apply({
        tag: shelf.tag,
        keys: [shelf.held],
        apply: `redis.call('HSET', KEYS[1], 'observed', tried and 'yes' or 'no')`,
      });
      seen.push(opened.tried);
      return reply;
    };
    const more = { cancelWhenTryUnknown: 'call' } as const;
    expect((await branch.run('cancel', handler, more)).kind).toBe('done');
    expect(await site.client.hget(shelf.held, 'observed')).toBe('no');
    expect(seen).toEqual([undefined]);
    expect(await branch.run('try', shelf.reserve(2, 'a'))).toEqual({ kind: 'late' });
    expect((await branch.run('cancel', handler, more)).kind).toBe('duplicate');
  });

  test('tells a Confirm without Try as a conflict, writes nothing, and names what may be wrong', async () => {
    const { branch, shelf } = await filled(site);
    const end = await branch.run('confirm', shelf.sell('a'));
    expect(end).toEqual({
      kind: 'conflict',
      message: expect.stringMatching(
        /^Confirm of branch 1 of transaction order-1 .*never tried here.*another tag than the Try’s$/,
      ),
    });
    expect(await site.client.exists(branch.row(shelf.tag))).toBe(0);
    expect((await branch.run('try', shelf.reserve(2, 'a'))).kind).toBe('done');
  });

  test('tells a Confirm after a Cancel, and a Cancel after a Confirm, as a conflict each time', async () => {
    const cancelled = await filled(site);
    await cancelled.branch.run('cancel', cancelled.shelf.putBack('a'));
    const confirmed = await filled(site);
    await confirmed.branch.run('try', confirmed.shelf.reserve(2, 'a'));
    await confirmed.branch.run('confirm', confirmed.shelf.sell('a'));
    for (let time = 0; time < 2; time += 1) {
      expect(await cancelled.branch.run('confirm', cancelled.shelf.sell('a'))).toMatchObject({
        kind: 'conflict',
        message: expect.stringContaining('that the branch has ended with Cancel before'),
      });
      expect(await confirmed.branch.run('cancel', confirmed.shelf.putBack('a'))).toMatchObject({
        kind: 'conflict',
        message: expect.stringContaining('that the branch has ended with Confirm before'),
      });
    }
    expect(await confirmed.shelf.state()).toBe('3 left, 0 held');
  });

  test('keeps branches of one run apart', async () => {
    const { shelf } = await filled(site);
    const barrier = site.barrier();
    const one = new Branch(barrier, '1');
    const two = new Branch(barrier, '1.2');
    Object.assign(two, { runId: one.runId });
    await one.run('try', shelf.reserve(2, 'a'));
    await two.run('try', shelf.reserve(1, 'b'));
    await one.run('cancel', shelf.putBack('a'));
    expect((await two.run('confirm', shelf.sell('b'))).kind).toBe('done');
    expect(await shelf.state()).toBe('4 left, 0 held');
  });

  test('lets a row expire after the retention once its branch has ended, and never before (RD5)', async () => {
    const { branch, shelf } = await filled(site);
    const row = branch.row(shelf.tag);
    await branch.run('try', shelf.reserve(2, 'a'));
    expect(await site.client.pttl(row)).toBe(-1);
    await new Branch(site.barrier({ retention: '2h' })).run('cancel', shelf.putBack('b'));
    const ending = new Branch(site.barrier({ retention: '2h' }));
    Object.assign(ending, { runId: branch.runId });
    await ending.run('confirm', shelf.sell('a'));
    const left = await site.client.pttl(row);
    expect(left).toBeGreaterThan(3_600_000);
    expect(left).toBeLessThanOrEqual(7_200_000);
    const marker = new Branch(site.barrier({ retention: '1h' }));
    await marker.run('cancel', shelf.putBack('a'));
    const ofMarker = await site.client.pttl(marker.row(shelf.tag));
    expect(ofMarker).toBeGreaterThan(0);
    expect(ofMarker).toBeLessThanOrEqual(3_600_000);
    // What an expired row means: nobody remembers the branch.
    await site.client.pexpire(row, 1);
    while ((await site.client.exists(row)) === 1);
    expect((await branch.run('confirm', shelf.sell('a'))).kind).toBe('conflict');
  });

  test('keeps a note beside the reply of a Try, and gives it to duplicates and to phase two', async () => {
    const { branch, shelf } = await filled(site);
    const note = Buffer.from([0, 255, 10]);
    const first = await branch.run('try', shelf.reserve(2, 'a'), { note });
    expect(first).toMatchObject({ kind: 'done', note });
    const again = await branch.run('try', shelf.reserve(2, 'a'), { note: Buffer.from('other') });
    expect(again).toMatchObject({ kind: 'duplicate', note });
    let tried: unknown;
    await branch.run('confirm', async (opened) => {
      const reply = await shelf.sell('a')(opened);
      tried = opened.tried;
      return reply;
    });
    expect(tried).toEqual({ reply: Buffer.from('{"held":2}'), note });
  });

  test('keeps the note of a duplicate where the Try was cut off before it could keep one', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    const note = Buffer.from('1.1');
    expect(await branch.run('try', shelf.reserve(2, 'a'), { note })).toMatchObject({ note });
    expect(await branch.run('try', shelf.reserve(2, 'a'))).toMatchObject({ note });
  });

  test('makes a reply of what apply returned, and stores it', async () => {
    const { branch, shelf } = await filled(site);
    let made = 0;
    const draw: Parameters<Branch['run']>[1] = ({ db }) =>
      db.apply({
        tag: shelf.tag,
        keys: [shelf.left],
        apply: `return redis.call('DECR', KEYS[1])`,
        reply: (saved) => ({ ticket: saved, made: ++made }),
      });
    expect(replyOf(await branch.run('try', draw))).toEqual({ ticket: '4', made: 1 });
    expect(replyOf(await branch.run('try', draw))).toEqual({ ticket: '4', made: 1 });
    expect(await site.client.get(shelf.left)).toBe('4');
  });

  test('keeps one row for each branch, which people can read', async () => {
    const { branch, shelf } = await filled(site);
    await branch.run('try', shelf.reserve(2, 'a'));
    expect(await site.client.hgetall(branch.row(shelf.tag))).toMatchObject({
      try: 'try',
      gid: 'order-1',
      'try.attempt': '1',
      'try.reply': '{"held":2}',
      'try.saved': '2',
    });
  });
});

function replyOf(end: BarrierEnd): unknown {
  if (end.kind !== 'done' && end.kind !== 'duplicate') throw new Error(`it ended with ${end.kind}`);
  return decodeReply(end.reply);
}
