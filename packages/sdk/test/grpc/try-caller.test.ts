import { afterEach, describe, expect, it } from '@jest/globals';
import { Metadata, type handleUnaryCall } from '@grpc/grpc-js';
import type { TryReply } from '@tercet/sdk';
import { GrpcTryCaller } from '../../src/grpc/grpc-try-caller';
import { startPeer } from '../support/grpc-peer';
import { type ReserveReply, type ReserveRequest, ShopTccService } from '../support/shop-service';

describe('the call of a Try over gRPC', () => {
  const opened: { close?(): void; stop?(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of opened.splice(0)) {
      each.close?.();
      await each.stop?.();
    }
  });

  /** One Try whose participant answers with these trailers. */
  async function calling(trailers: Metadata): Promise<TryReply> {
    const { reserveTry } = ShopTccService;
    const answer: handleUnaryCall<ReserveRequest, ReserveReply> = (_call, callback) =>
      callback(null, { reservationId: 'r1' }, trailers);
    const peer = await startPeer((server) =>
      server.addService({ reserveTry }, { reserveTry: answer }),
    );
    const caller = new GrpcTryCaller();
    opened.push(caller, peer);
    return caller.call({
      target: peer.address,
      method: reserveTry.path,
      payload: new Uint8Array(),
      metadata: {},
      deadlineMs: 5_000,
      signal: new AbortController().signal,
    });
  }

  it.each([
    ['none', [], []],
    ['an empty one', [''], []],
    ['several', ['1.1,1.2,1.2.1'], ['1.1', '1.2', '1.2.1']],
    // Proxies may join or part values of one key, and write a blank behind the comma.
    ['several keys', ['1.1', '1.2, 1.3'], ['1.1', '1.2', '1.3']],
    ['nonsense', ['x;y'], ['x;y']],
  ])('gives the nested branches as the participant told them: %s', async (_name, values, ids) => {
    const trailers = new Metadata();
    for (const value of values) trailers.add('tercet-branches', value);
    const reply = await calling(trailers);
    expect(reply).toMatchObject({ code: 0, branches: ids, rejectDetails: undefined });
  });
});
