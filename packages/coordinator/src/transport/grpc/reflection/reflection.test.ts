import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { Server } from '@grpc/grpc-js';
import { systemScheduler } from '@tercet/runtime';
import { Reflection } from './reflection';
import {
  type ReflectionRequest,
  type ReflectionResponse,
  readRequest,
} from './reflection-messages';

type Handler = (stream: unknown) => void;

/** A stream whose client takes answers only as the test says. */
class SlowStream extends Duplex {
  readonly answers: ReflectionResponse[] = [];
  private waiting: (() => void)[] = [];

  constructor() {
    super({ objectMode: true, writableHighWaterMark: 2, readableHighWaterMark: 2 });
  }

  override _read(): void {
    // Requests are pushed by the test.
  }

  override _write(response: ReflectionResponse, _: string, done: () => void): void {
    this.answers.push(response);
    this.waiting.push(done);
  }

  answerTaken(): void {
    for (const done of this.waiting.splice(0)) done();
  }
}

function served(reflection: Reflection): SlowStream {
  let handler: Handler | undefined;
  const server = {
    addService: (_: unknown, { serverReflectionInfo }: { serverReflectionInfo: Handler }) => {
      handler = serverReflectionInfo;
    },
  };
  reflection.addTo(server as unknown as Server);
  const stream = new SlowStream();
  handler?.(stream);
  return stream;
}

const listServices: ReflectionRequest = readRequest(Uint8Array.of(0x3a, 0));
const turn = (): Promise<void> => new Promise((resolve) => systemScheduler.soon(resolve));

describe('reflection', () => {
  it('reads no more requests than it can answer to a client that does not read', async () => {
    const stream = served(new Reflection(() => [], []));
    for (let i = 0; i < 100; i++) stream.push(listServices);
    await turn();
    // What waits: the answers beyond the two that are allowed to.
    expect(stream.writableLength).toBeLessThanOrEqual(2);
    expect(stream.isPaused()).toBe(true);
    while (stream.answers.length < 100) {
      stream.answerTaken();
      await turn();
    }
    stream.push(null);
    stream.answerTaken();
    await turn();
    expect(stream.writableFinished).toBe(true);
  });

  it('asks for the descriptors at the first question, and once', async () => {
    let asked = 0;
    const reflection = new Reflection(() => {
      asked++;
      return [];
    }, []);
    const stream = served(reflection);
    expect(asked).toBe(0);
    stream.push(listServices);
    stream.push(listServices);
    await turn();
    stream.answerTaken();
    await turn();
    expect(asked).toBe(1);
  });

  it('ends the streams that are open, and those that come later', async () => {
    const reflection = new Reflection(() => [], []);
    const open = served(reflection);
    reflection.end();
    reflection.end();
    const late = served(reflection);
    await turn();
    expect([open.writableEnded, late.writableEnded]).toEqual([true, true]);
    open.push(listServices);
    await turn();
    expect(open.answers).toEqual([]);
  });
});
