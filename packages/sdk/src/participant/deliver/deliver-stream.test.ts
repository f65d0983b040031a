/** Rules E1 and E5 of deliver-stream.ts on a stream that a test holds in its hand. The rest: test/deliver. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import { ManualTime } from '@tercet/core/testing';
import type { DeliverCommand, DeliverResponse } from '@tercet/proto';
import { aCommand } from '../../../test/support/deliver-client';
import { ShopTccService } from '../../../test/support/shop-service';
import type { Route } from '../routes';
import { ServiceCalls } from '../service-calls';
import { DeliverStream, type GrpcStream } from './deliver-stream';

/** The server's end of a stream. */
class FakeStream extends EventEmitter {
  readonly metadata = new Metadata();
  readonly written: DeliverResponse[] = [];
  readonly calls: string[] = [];
  /** What `write` answers. */
  keepsUp = true;

  getPeer(): string {
    return 'unknown';
  }

  write(response: DeliverResponse, done: () => void): boolean {
    this.written.push(response);
    void Promise.resolve().then(done);
    return this.keepsUp;
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  end(): void {
    this.calls.push('end');
  }

  receive(...commands: readonly DeliverCommand[]): void {
    this.emit('data', { commands, givenUpIds: [] });
  }

  /** Ids of the outcomes, message by message. */
  get outcomes(): readonly (readonly number[])[] {
    return this.written.slice(1).map(({ outcomes }) => outcomes.map(({ id }) => id));
  }
}

const hello = {
  protocolVersion: 1,
  barrier: false,
  actions: [],
  methods: [],
  maxInFlightTry: 100,
  maxInFlightPhaseTwo: 100,
};

function opened(replyBytes = 0) {
  const time = new ManualTime();
  const calls = new ServiceCalls({
    clock: time,
    fence: undefined,
    guard: undefined,
    client: undefined,
    authorize: undefined,
    interceptors: [],
    onError: undefined,
  });
  const route: Route = {
    service: 'shop.ShopTcc',
    action: 'reserve',
    phase: 'try',
    method: ShopTccService.reserveTry,
    tryMethod: ShopTccService.reserveTry,
    cancelWhenTryUnknown: 'skip',
    handler: () => ({ reservationId: 'x'.repeat(replyBytes) }),
  };
  const fake = new FakeStream();
  const closed: unknown[] = [];
  const stream = new DeliverStream(fake as unknown as GrpcStream, {
    scheduler: time,
    hello,
    methods: new Map([[route.method.path, { route, calls, clock: time }]]),
    onClose: (each) => closed.push(each),
  });
  return { time, fake, stream, closed };
}

function tries(from: number, to: number): readonly DeliverCommand[] {
  const ids = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return ids.map((id) => aCommand(id, 'try'));
}

describe('a stream of a participant', () => {
  it('says Hello in the turn in which it opens (E1)', () => {
    expect(opened().fake.written).toEqual([{ hello, outcomes: [], drain: false }]);
  });

  it('sends in one message what ends in one turn, and at most 256 KiB in each', async () => {
    const { time, fake } = opened(100_000);
    fake.receive(...tries(1, 5));
    expect(fake.outcomes).toEqual([]);
    await time.settle();
    expect(fake.outcomes).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('neither writes nor reads while its caller does not keep up, and then goes on (E5)', async () => {
    const { time, fake } = opened();
    fake.keepsUp = false;
    fake.receive(...tries(1, 2));
    await time.settle();
    expect([fake.outcomes, fake.calls]).toEqual([[[1, 2]], ['pause']]);
    // What had been read already.
    fake.receive(...tries(3, 4));
    await time.settle();
    expect(fake.outcomes).toEqual([[1, 2]]);
    fake.keepsUp = true;
    fake.emit('drain');
    await time.settle();
    expect(fake.outcomes).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(fake.calls).toEqual(['pause', 'resume']);
  });

  it('closed by its caller ends once every outcome has left, though the caller is slow', async () => {
    const { time, fake, stream } = opened();
    fake.keepsUp = false;
    fake.receive(...tries(1, 1));
    await time.settle();
    fake.receive(...tries(2, 2));
    fake.emit('end');
    await time.settle();
    expect(fake.calls).toEqual(['pause']);
    fake.keepsUp = true;
    fake.emit('drain');
    await time.settle();
    expect(fake.calls).toEqual(['pause', 'resume', 'end']);
    await stream.sent();
  });

  it('tells its end once, and is silent and sent from then on', async () => {
    const { time, fake, stream, closed } = opened();
    fake.keepsUp = false;
    fake.receive(...tries(1, 3));
    const waiting = [stream.silent(), stream.sent()];
    fake.emit('cancelled');
    await Promise.all(waiting);
    await time.settle();
    expect(closed).toEqual([stream]);
    expect(fake.outcomes).toEqual([]);
    stream.drain();
    expect(time.pending).toBe(0);
  });
});
