import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { type ServiceError, status } from '@grpc/grpc-js';
import { ManualTime } from '@tercet/core/testing';
import type { SessionRequest, SessionResponse } from '@tercet/proto';
import { RunningWork } from '../../../engine/running-work';
import type { Commands } from '../handlers';
import { type SessionCall, Sessions } from './sessions';

/** A stream as far as a session looks at it. */
class Stream extends EventEmitter {
  readonly written: SessionResponse[] = [];
  readonly story: string[] = [];
  error: ServiceError | undefined;
  readonly call = this as unknown as SessionCall;

  constructor() {
    super();
    this.on('error', (error: ServiceError) => (this.error = error));
  }

  write(response: SessionResponse): boolean {
    this.written.push(response);
    return this.written.length < 3;
  }

  end(): void {
    this.story.push('end');
  }

  pause(): void {
    this.story.push('pause');
  }

  resume(): void {
    this.story.push('resume');
  }
}

const get = (id: number): SessionRequest => ({
  commands: [
    { id, deadlineMs: 0, command: { $case: 'get', value: { gid: 'g', withResult: false } } },
  ],
  givenUpIds: [],
});

function sessions(): { all: Sessions; time: ManualTime } {
  const time = new ManualTime();
  const commands = { get: () => Promise.resolve({}) } as unknown as Commands;
  const deps = { commands, clock: time, scheduler: time, calls: new RunningWork(), report: String };
  return { all: new Sessions(deps), time };
}

describe('the sessions of a server', () => {
  it('are counted while they are open, however they end', () => {
    const { all } = sessions();
    const streams = Array.from({ length: 4 }, () => new Stream());
    for (const { call } of streams) all.accept(call);
    expect(all.size).toBe(4);
    streams[0]?.emit('end');
    streams[1]?.emit('cancelled');
    streams[2]?.emit('close');
    expect(all.size).toBe(1);
    all.close();
    expect(all.size).toBe(0);
    expect(streams.map(({ story }) => story.join())).toEqual(['end', '', '', '']);
  });

  it('hear of everything that happens to their stream', async () => {
    const { all, time } = sessions();
    const stream = new Stream();
    all.accept(stream.call);
    for (const id of [1, 2]) {
      stream.emit('data', get(id));
      await time.settle();
    }
    stream.emit('data', get(3));
    await time.settle();
    expect(stream.written.map(({ answers }) => answers.map(({ id }) => id))).toEqual([
      [],
      [1],
      [2],
    ]);
    stream.emit('drain');
    await time.settle();
    expect(stream.written.at(-1)?.answers.map(({ id }) => id)).toEqual([3]);
    expect(stream.story).toEqual(['pause', 'resume', 'pause']);
  });

  it('end with what their stream did wrong', () => {
    const { all } = sessions();
    const stream = new Stream();
    all.accept(stream.call);
    const { commands } = get(1);
    stream.emit('data', { commands: [...commands, ...commands], givenUpIds: [] });
    expect(stream.error?.code).toBe(status.INVALID_ARGUMENT);
    expect(stream.error?.metadata.get('tercet-code')).toEqual(['INVALID_ARGUMENT']);
    expect(all.size).toBe(0);
  });

  it('are all told to drain, and a new one is refused', () => {
    const { all } = sessions();
    const open = new Stream();
    all.accept(open.call);
    all.drain();
    expect(open.written.at(-1)).toEqual({ hello: undefined, answers: [], drain: true });
    const late = new Stream();
    all.accept(late.call);
    expect(late.written).toEqual([]);
    expect(late.error).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'The coordinator is stopping.',
    });
    expect(late.error?.metadata.get('tercet-code')).toEqual(['SHUTTING_DOWN']);
    expect(all.size).toBe(1);
  });
});
