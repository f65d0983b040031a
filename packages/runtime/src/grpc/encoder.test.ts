import { describe, expect, it } from '@jest/globals';
import { SessionRequest } from '@tercet/proto';
import { encoderOf } from './encoder';

function get(id: number, gid: string): SessionRequest {
  const command = { $case: 'get' as const, value: { gid, withResult: false } };
  return { commands: [{ id, deadlineMs: 5, command }], givenUpIds: [] };
}

describe('an encoder', () => {
  it('writes what generated code writes, message after message', () => {
    const encode = encoderOf(SessionRequest);
    for (const message of [get(1, 'a'), get(2, 'b'.repeat(5_000)), get(3, ''), get(4, 'é')]) {
      expect(encode(message)).toEqual(Buffer.from(SessionRequest.encode(message).finish()));
    }
  });

  it('gives bytes that the next message does not change', () => {
    const encode = encoderOf(SessionRequest);
    const first = encode(get(1, 'first'));
    encode(get(2, 'second'));
    expect(SessionRequest.decode(first)).toEqual(get(1, 'first'));
  });

  it('works on after a message that cannot be encoded, and after a very large one', () => {
    const encode = encoderOf(SessionRequest);
    const wrong = get(1, 'x');
    expect(() =>
      encode({ ...wrong, commands: [{ ...wrong.commands[0], id: -1 } as never] }),
    ).toThrow();
    expect(encode(get(2, 'after'))).toEqual(
      Buffer.from(SessionRequest.encode(get(2, 'after')).finish()),
    );
    encode(get(3, 'y'.repeat(2_000_000)));
    expect(encode(get(4, 'small'))).toEqual(
      Buffer.from(SessionRequest.encode(get(4, 'small')).finish()),
    );
  });
});
