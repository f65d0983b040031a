import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { parseBranchId } from '@tercet/core';
import { DeliverOutcome, DeliverResponse } from '@tercet/proto';
import type { MethodLike } from '../../service-definition';
import { refusal } from '../call-answer';
import { outcomeBytes, outcomeOf, refusedOutcome } from './outcome';

/** A method whose replies are bytes. */
const method: MethodLike = {
  path: '/a.B/C',
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Uint8Array) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes: Uint8Array) => bytes,
  responseDeserialize: (bytes) => bytes,
};
/** What gRPC takes as one message unless told otherwise. */
const MESSAGE_BYTES_MAX = 4_194_304;
const zeros = Buffer.alloc(MESSAGE_BYTES_MAX + 1);

function reply(bytes: number): DeliverOutcome {
  return outcomeOf(7, method, { kind: 'reply', reply: zeros.subarray(0, bytes), branches: [] });
}

function messageBytes(outcome: DeliverOutcome): number {
  const message = { hello: undefined, outcomes: [outcome], drain: false };
  return DeliverResponse.encode(message).finish().length;
}

describe('an outcome', () => {
  it('holds a reply of any bytes, and no bytes for the empty message', () => {
    const bytes = new Uint8Array([1, 2]);
    const plain = outcomeOf(7, method, { kind: 'reply', reply: bytes, branches: [] });
    expect(plain).toMatchObject({ id: 7, grpcCode: 0, reply: Buffer.from([1, 2]) });
    const empty = outcomeOf(7, method, { kind: 'reply', reply: undefined, branches: [] });
    expect(empty.reply).toHaveLength(0);
  });

  it('is RESOURCE_EXHAUSTED where the reply would make it more than one message can hold', () => {
    let most = MESSAGE_BYTES_MAX;
    while (reply(most).grpcCode !== 0) most -= 1;
    expect(messageBytes(reply(most))).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
    expect(most).toBeGreaterThan(MESSAGE_BYTES_MAX - 200);
    expect(reply(most + 1)).toMatchObject({
      grpcCode: status.RESOURCE_EXHAUSTED,
      reply: Buffer.alloc(0),
    });
  });

  it('is never larger on the wire than its estimate', () => {
    const branches = Array.from({ length: 256 }, (_, i) => parseBranchId(`999999999.${i + 1}`));
    const told = outcomeOf(2 ** 32 - 1, method, {
      kind: 'reply',
      reply: new Uint8Array(70_000),
      branches,
    });
    const refused = refusedOutcome(2 ** 32 - 1, {
      ...refusal(status.FAILED_PRECONDITION, '価'.repeat(1_000)),
      verdict: 'reject',
      retryAfterMs: 86_400_000,
      details: Buffer.alloc(4_096),
    });
    for (const outcome of [told, refused, reply(0)]) {
      expect(messageBytes(outcome)).toBeLessThanOrEqual(outcomeBytes(outcome));
    }
    expect(DeliverOutcome.decode(DeliverOutcome.encode(told).finish())).toEqual(told);
  });
});
