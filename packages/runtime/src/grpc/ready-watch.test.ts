import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  experimental,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { systemScheduler } from '../system-scheduler';
import { UnaryChannel, type UnaryReply } from './unary-channel';

const method = '/shop.Echo/Say';
let cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps) cleanUp();
  cleanUps = [];
});

/** Serves on `port`, 0 for a free one; answers OK, or UNAVAILABLE where told so. */
async function serve(port = 0, busy = false): Promise<{ port: number; server: Server }> {
  const server = new Server();
  const raw = (bytes: Buffer): Buffer => bytes;
  const say = {
    path: method,
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  } as const;
  server.addService(
    { say },
    {
      say: (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        busy ? done({ code: status.UNAVAILABLE, details: 'busy' }) : done(null, Buffer.alloc(0)),
    },
  );
  cleanUps.push(() => server.forceShutdown());
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  return { port: bound, server };
}

function channelTo(target: string): UnaryChannel {
  const channel = new UnaryChannel(target);
  cleanUps.push(() => channel.close());
  return channel;
}

function call(channel: UnaryChannel): Promise<UnaryReply> {
  const payload = new Uint8Array();
  return channel.call({ method, payload, metadata: new Metadata(), deadlineMs: 5_000 });
}

/** Resolves when the channel told that it is ready. */
function told(channel: UnaryChannel): Promise<void> {
  return new Promise((resolve) => channel.whenReady(resolve));
}

/** Lets the event loop turn once. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => systemScheduler.soon(resolve));
}

/** A port that nobody listens on, for now. */
async function freePort(): Promise<number> {
  const { port, server } = await serve();
  server.forceShutdown();
  return port;
}

describe('the connection of a channel', () => {
  it('is unknown before the first call, then ready', async () => {
    const { port } = await serve();
    const channel = channelTo(`127.0.0.1:${port}`);
    expect(channel.connection).toBe('unknown');
    await call(channel);
    expect(channel.connection).toBe('ready');
  });

  it('is down once nobody was there', async () => {
    const channel = channelTo(`127.0.0.1:${await freePort()}`);
    expect((await call(channel)).code).toBe(status.UNAVAILABLE);
    expect(channel.connection).toBe('down');
  });

  it('is ready, not down, where a server answers UNAVAILABLE over it', async () => {
    const { port } = await serve(0, true);
    const channel = channelTo(`127.0.0.1:${port}`);
    expect((await call(channel)).code).toBe(status.UNAVAILABLE);
    expect(channel.connection).toBe('ready');
  });

  it('is down when the server was killed and a call found nobody', async () => {
    const { port, server } = await serve();
    const channel = channelTo(`127.0.0.1:${port}`);
    await call(channel);
    server.forceShutdown();
    while (channel.connection === 'ready') await nextTurn();
    expect(channel.connection).toBe('unknown');
    expect((await call(channel)).code).toBe(status.UNAVAILABLE);
    expect(channel.connection).toBe('down');
  });
});

describe('ReadyWatch', () => {
  it('R2: connects a channel by itself when the server comes up on its port', async () => {
    const port = await freePort();
    const channel = channelTo(`127.0.0.1:${port}`);
    await call(channel);
    const ready = told(channel);
    await serve(port);
    await ready;
    expect(channel.connection).toBe('ready');
    expect(channel.watched).toBe(false);
  });

  it('R2: connects again after the loss of a connection, without a call in between', async () => {
    const { port, server } = await serve();
    const channel = channelTo(`127.0.0.1:${port}`);
    await call(channel);
    const ready = told(channel);
    server.forceShutdown();
    await serve(port);
    await ready;
    expect(channel.connection).toBe('ready');
  });

  it('R2: asks for a name again that did not resolve', async () => {
    const { port } = await serve();
    const names = new NameServer(port);
    const channel = channelTo(names.target);
    expect((await call(channel)).code).toBe(status.UNAVAILABLE);
    expect(channel.connection).toBe('down');
    const ready = told(channel);
    names.known = true;
    await ready;
    expect(names.asked).toBeGreaterThan(1);
  });

  it('R1: says nothing of a channel that is ready, and nothing twice', async () => {
    const { port } = await serve();
    const channel = channelTo(`127.0.0.1:${port}`);
    await call(channel);
    let count = 0;
    channel.whenReady(() => count++);
    await call(channel);
    await nextTurn();
    expect(count).toBe(0);
    expect(channel.watched).toBe(true);
  });

  it('R3: tells nobody who stopped, and nobody once it is closed', async () => {
    const port = await freePort();
    const channel = channelTo(`127.0.0.1:${port}`);
    await call(channel);
    let count = 0;
    const stop = channel.whenReady(() => count++);
    stop();
    stop();
    expect(channel.watched).toBe(false);
    const ready = told(channel);
    await serve(port);
    await ready;
    expect(count).toBe(0);
    channel.whenReady(() => count++);
    channel.close();
    expect(channel.watched).toBe(false);
    channel.whenReady(() => count++);
    expect(channel.watched).toBe(false);
    expect(count).toBe(0);
  });
});

let schemes = 0;

/** A name that resolves to nothing until it is `known`; every channel has a scheme of its own. */
class NameServer {
  known = false;
  asked = 0;
  readonly target: string;

  constructor(port: number) {
    const scheme = `later${schemes++}`;
    this.target = `${scheme}:///shop`;
    const lookUp = (listener: experimental.ResolverListener): void => {
      this.asked++;
      const addresses = [{ addresses: [{ host: '127.0.0.1', port }] }];
      const failure = { code: status.UNAVAILABLE, details: 'no such name' };
      const result: experimental.StatusOr<typeof addresses> = this.known
        ? experimental.statusOrFromValue(addresses)
        : experimental.statusOrFromError(failure);
      systemScheduler.soon(() => listener(result, {}, null, ''));
    };
    experimental.registerResolver(
      scheme,
      class {
        constructor(
          _: unknown,
          private readonly listener: experimental.ResolverListener,
        ) {}
        static getDefaultAuthority(): string {
          return 'shop';
        }
        updateResolution(): void {
          lookUp(this.listener);
        }
        destroy(): void {
          // Nothing is kept.
        }
      },
    );
  }
}
