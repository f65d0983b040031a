import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Channel,
  type ChannelOptions,
  type ClientOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  UnaryChannel,
  type UnaryChannelOptions,
  type UnaryReply,
  type UnaryRequest,
  metadataOf,
} from './unary-channel';

type Handler = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void;

const method = '/shop.Echo/Say';
let cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps) cleanUp();
  cleanUps = [];
});

async function serve(handler: Handler, options: UnaryChannelOptions = {}): Promise<UnaryChannel> {
  const server = new Server();
  const bytes = { serialize: (b: Buffer) => b, deserialize: (b: Buffer) => b };
  server.addService(
    {
      say: {
        path: method,
        requestStream: false,
        responseStream: false,
        requestSerialize: bytes.serialize,
        requestDeserialize: bytes.deserialize,
        responseSerialize: bytes.serialize,
        responseDeserialize: bytes.deserialize,
      },
    },
    { say: handler },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const channel = new UnaryChannel(`127.0.0.1:${port}`, options);
  cleanUps.push(
    () => channel.close(),
    () => server.forceShutdown(),
  );
  return channel;
}

function call(channel: UnaryChannel, over: Partial<UnaryRequest> = {}): Promise<UnaryReply> {
  const payload = Uint8Array.of(0, 128, 255);
  return channel.call({ method, payload, metadata: new Metadata(), deadlineMs: 5_000, ...over });
}

describe('UnaryChannel', () => {
  it('carries bytes, metadata and trailers both ways, bit for bit', async () => {
    const channel = await serve((incoming, callback) => {
      const trailers = new Metadata();
      trailers.set('x-seen', String(incoming.metadata.get('tercet-gid')[0]));
      callback(null, incoming.request, trailers);
    });
    const reply = await call(channel, {
      metadata: metadataOf({ 'tercet-gid': 'order-1', left: undefined }),
    });
    expect(reply.code).toBe(status.OK);
    expect([...(reply.payload ?? [])]).toEqual([0, 128, 255]);
    expect(reply.trailers.get('x-seen')).toEqual(['order-1']);
    expect(reply.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('gives status, message and verdict of a refused call, never a rejection', async () => {
    const channel = await serve((_, callback) => {
      const metadata = new Metadata();
      metadata.set('tercet-verdict', 'retry');
      metadata.set('tercet-retry-after-ms', '1500');
      callback({ code: status.FAILED_PRECONDITION, details: 'später', metadata });
    });
    expect(await call(channel)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'später',
      verdict: 'retry',
      retryAfterMs: 1_500,
      payload: undefined,
    });
  });

  it.each(['-1', 'soon', '1e3', ''])('ignores a retry-after of %p', async (text) => {
    const channel = await serve((_, callback) => {
      const metadata = new Metadata();
      metadata.set('tercet-retry-after-ms', text);
      callback({ code: status.FAILED_PRECONDITION, details: '', metadata });
    });
    expect((await call(channel)).retryAfterMs).toBeUndefined();
  });

  it('ends at its deadline with DEADLINE_EXCEEDED, and the server sees it', async () => {
    const seen = new Promise<void>((resolve) => {
      void serve((incoming) => incoming.on('cancelled', () => resolve())).then(async (channel) => {
        const reply = await call(channel, { deadlineMs: 50 });
        expect(reply.code).toBe(status.DEADLINE_EXCEEDED);
        expect(reply.message).toMatch(/^Deadline exceeded after [\d.]+s$/);
      });
    });
    await seen;
  });

  it('is given up by its signal, during the call and before it', async () => {
    const gone = new AbortController();
    const channel = await serve(() => gone.abort());
    expect((await call(channel, { signal: gone.signal })).code).toBe(status.CANCELLED);
    expect(await call(channel, { signal: gone.signal })).toMatchObject({
      code: status.CANCELLED,
      message: 'given up before it was sent',
    });
  });

  it('reports a dead target as UNAVAILABLE', async () => {
    const channel = new UnaryChannel('127.0.0.1:1');
    cleanUps.push(() => channel.close());
    const reply = await call(channel);
    expect(reply.code).toBe(status.UNAVAILABLE);
    expect(reply.message).toBe('connect ECONNREFUSED 127.0.0.1:1');
  });

  it('reports an unknown method as UNIMPLEMENTED', async () => {
    const channel = await serve((incoming, callback) => callback(null, incoming.request));
    expect((await call(channel, { method: '/shop.Echo/Shout' })).code).toBe(status.UNIMPLEMENTED);
  });

  it.each([4_711, 99_999_999_999, -1, 17])(
    'takes the status %d, which gRPC does not have, for UNKNOWN',
    async (code) => {
      const channel = await serve((_, callback) => callback({ code, details: 'odd' }));
      expect(await call(channel)).toMatchObject({ code: status.UNKNOWN, message: 'odd' });
    },
  );

  it('never repeats a call by itself, not even where a service config asks for it', async () => {
    const retryPolicy = {
      maxAttempts: 3,
      initialBackoff: '0.001s',
      maxBackoff: '0.001s',
      backoffMultiplier: 1,
      retryableStatusCodes: ['UNAVAILABLE'],
    };
    const config = { loadBalancingConfig: [], methodConfig: [{ name: [{}], retryPolicy }] };
    const countCalls = async (channelOptions: ChannelOptions): Promise<number> => {
      let calls = 0;
      const answer: Handler = (_, callback) => {
        calls++;
        callback({ code: status.UNAVAILABLE, details: 'busy' });
      };
      const asked = { 'grpc.service_config': JSON.stringify(config), ...channelOptions };
      await call(await serve(answer, { channel: asked }));
      return calls;
    };
    expect(await countCalls({})).toBe(1);
    // The config would do something: grpc-js obeys it where retries are on.
    expect(await countCalls({ 'grpc.enable_retries': 1 })).toBe(3);
  });

  it('is told to connect again within 5 s, and to go nowhere but to its target', () => {
    const told: ChannelOptions[] = [];
    const options: ClientOptions = {
      channelFactoryOverride: (target, security, given) => {
        told.push(given);
        return new Channel(target, security, given);
      },
    };
    const channel = new UnaryChannel('127.0.0.1:1', { channel: options });
    channel.close();
    expect(told).toMatchObject([
      {
        'grpc.max_reconnect_backoff_ms': 5_000,
        'grpc.service_config_disable_resolution': 1,
        'grpc.enable_http_proxy': 0,
      },
    ]);
  });
});
