import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type ClientDuplexStream,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { UnaryChannel, essenceOf } from './unary-channel';

const method = '/shop.Echo/Chat';
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Serves a stream that echoes, and ends when its peer does. */
async function echoing(): Promise<{ port: number; server: Server }> {
  const server = new Server();
  const raw = (bytes: Buffer): Buffer => bytes;
  const chat = {
    path: method,
    requestStream: true,
    responseStream: true,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  } as const;
  server.addService(
    { chat },
    {
      chat: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        stream.on('data', (bytes: Buffer) => stream.write(bytes));
        stream.on('end', () => stream.end());
        stream.on('error', () => undefined);
      },
    },
  );
  cleanUps.push(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, server };
}

function open(port: number, decode: (bytes: Buffer) => string): ClientDuplexStream<string, string> {
  const channel = new UnaryChannel(`127.0.0.1:${port}`);
  cleanUps.push(() => channel.close());
  const stream = channel.duplex<string, string>({
    method,
    serialize: (text) => Buffer.from(text),
    deserialize: decode,
  });
  stream.on('error', () => undefined);
  return stream;
}

const asText = (bytes: Buffer): string => bytes.toString();

function endOf(stream: ClientDuplexStream<string, string>): Promise<StatusObject> {
  return new Promise((resolve) => stream.on('status', resolve));
}

describe('a stream in both directions', () => {
  it('carries messages that were written before it was connected, and tells its end last', async () => {
    const { port } = await echoing();
    const stream = open(port, asText);
    const heard: string[] = [];
    stream.on('data', (text: string) => heard.push(text));
    for (const text of ['a', 'b', 'c']) stream.write(text);
    stream.end();
    expect((await endOf(stream)).code).toBe(status.OK);
    expect(heard).toEqual(['a', 'b', 'c']);
  });

  it('ends with the reason where nobody listens', async () => {
    const { port, server } = await echoing();
    server.forceShutdown();
    const stream = open(port, asText);
    stream.resume();
    const { code, details } = await endOf(stream);
    expect(code).toBe(status.UNAVAILABLE);
    expect(essenceOf(details)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  it('ends with INTERNAL at a message that cannot be decoded', async () => {
    const { port } = await echoing();
    const stream = open(port, () => {
      throw new Error('no message');
    });
    stream.resume();
    stream.write('a');
    expect((await endOf(stream)).code).toBe(status.INTERNAL);
  });
});
