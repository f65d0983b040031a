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
    const pool = new ChannelPool(2);
    const targets = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4'];
    const replies = await Promise.all(targets.map((target) => pool.call(target, request)));
    expect(replies.map(({ code }) => code)).toEqual(Array(4).fill(status.UNAVAILABLE));
    expect(pool.size).toBe(2);
    pool.close();
    expect(pool.size).toBe(0);
  });

  it('turns a target that is none into one that nobody reaches', async () => {
    const pool = new ChannelPool();
    const reply = await pool.call('no scheme knows:///this', request);
    expect(reply.code).toBe(status.UNAVAILABLE);
    pool.close();
  });
});
