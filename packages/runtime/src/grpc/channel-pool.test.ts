import { describe, expect, it } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import { ChannelPool } from './channel-pool';
import type { UnaryRequest } from './unary-channel';

const request: UnaryRequest = {
  method: '/shop.Echo/Say',
  payload: new Uint8Array(),
  metadata: new Metadata(),
  deadlineMs: 5_000,
};

describe('ChannelPool', () => {
  it('keeps a channel per target, and no more than its limit once they are idle', async () => {
    const pool = new ChannelPool({ channelsMax: 2 });
    const targets = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4'];
    const replies = await Promise.all(targets.map((target) => pool.call(target, request)));
    expect(replies.map(({ code }) => code)).toEqual(Array(4).fill(status.UNAVAILABLE));
    expect(pool.size).toBe(2);
    pool.close();
    expect(pool.size).toBe(0);
  });

  it('never closes a watched channel, and closes it when the watching stops', async () => {
    const pool = new ChannelPool({ channelsMax: 1 });
    const stop = pool.whenReady('127.0.0.1:1', () => undefined);
    await pool.call('127.0.0.1:1', request);
    await pool.call('127.0.0.1:2', request);
    await pool.call('127.0.0.1:3', request);
    expect(pool.connection('127.0.0.1:1')).toBe('down');
    expect(pool.size).toBe(2);
    stop();
    expect(pool.size).toBe(1);
    pool.close();
  });

  it('knows the connection that the last call used, however many others are kept', async () => {
    const pool = new ChannelPool({ channelsMax: 1 });
    pool.whenReady('127.0.0.1:1', () => undefined);
    pool.whenReady('127.0.0.1:2', () => undefined);
    await pool.call('127.0.0.1:3', request);
    expect(pool.connection('127.0.0.1:3')).toBe('down');
    expect(pool.connection('127.0.0.1:4')).toBe('unknown');
    pool.close();
  });

  it('watches no more channels than its limit, and no target that is none', () => {
    const pool = new ChannelPool({ watchedMax: 1 });
    pool.whenReady('', () => undefined)();
    pool.whenReady('127.0.0.1:1', () => undefined);
    pool.whenReady('127.0.0.1:1', () => undefined);
    pool.whenReady('127.0.0.1:2', () => undefined)();
    expect(pool.size).toBe(1);
    pool.close();
  });

  it('turns a target that is none into one that nobody reaches', async () => {
    const pool = new ChannelPool();
    const reply = await pool.call('no scheme knows:///this', request);
    expect(reply.code).toBe(status.UNAVAILABLE);
    pool.close();
  });
});
