import { afterEach, describe, expect, it } from '@jest/globals';
import { stat } from 'node:fs/promises';
import {
  type CallOptions,
  Client,
  type ClientOptions,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type UntypedServiceImplementation,
  credentials,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type TransactionScope,
  currentTransaction,
  tercetClientInterceptor,
  tercetServerInterceptor,
} from '@tercet/sdk';
import { systemClock } from '@tercet/runtime';
import { runInScope } from '../../src/transaction-scope';
import { Scenario } from '../support/scenario';

const runId = 'a'.repeat(32);
const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=y' };
const scope: TransactionScope = { gid: 'order-1', runId, trace };

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};
const service = {
  ask: { path: '/echo.Echo/Ask', requestStream: false, responseStream: false, ...text },
  list: { path: '/echo.Echo/List', requestStream: false, responseStream: true, ...text },
  collect: { path: '/echo.Echo/Collect', requestStream: true, responseStream: false, ...text },
  talk: { path: '/echo.Echo/Talk', requestStream: true, responseStream: true, ...text },
} as const;

/** What a handler saw, as it answers it. */
function sight(): string {
  return JSON.stringify(currentTransaction() ?? null);
}

const handlers: UntypedServiceImplementation = {
  ask: (call: ServerUnaryCall<string, string>, callback: sendUnaryData<string>) => {
    headers.push(call.metadata);
    void stat(__filename).then(() => callback(null, sight()));
  },
  list: (call: ServerWritableStream<string, string>) => {
    headers.push(call.metadata);
    call.write(sight());
    void stat(__filename).then(() => {
      call.write(sight());
      call.end();
    });
  },
  collect: (call: NodeJS.ReadableStream, callback: sendUnaryData<string>) => {
    const seen = [sight()];
    call.on('data', () => seen.push(sight()));
    call.on('end', () => callback(null, [...seen, sight()].join('\n')));
  },
  talk: (call: ServerDuplexStream<string, string>) => {
    headers.push(call.metadata);
    call.on('data', () => call.write(sight()));
    call.on('end', () => call.end());
  },
};

const headers: Metadata[] = [];
const opened: (() => void)[] = [];

afterEach(() => {
  for (const close of opened.splice(0)) close();
  headers.length = 0;
});

/** A server with the interceptor, unless told otherwise, and the four calls of a user's client to it. */
async function echo(
  options: { server?: 'plain'; client?: ClientOptions } = {},
): Promise<ReturnType<typeof callsOf>> {
  const interceptors = options.server === 'plain' ? [] : [tercetServerInterceptor];
  const server = new Server({ interceptors });
  server.addService(service, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    interceptors: [tercetClientInterceptor],
    ...options.client,
  });
  opened.push(
    () => client.close(),
    () => server.forceShutdown(),
  );
  return callsOf(client);
}

function callsOf(client: Client): {
  ask(metadata?: Metadata, options?: CallOptions): Promise<unknown>;
  list(): Promise<unknown[]>;
  collect(): Promise<unknown[]>;
  talk(): Promise<unknown[]>;
} {
  const { requestSerialize: write, responseDeserialize: read } = text;
  const all = (stream: NodeJS.ReadableStream): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      const seen: unknown[] = [];
      stream.on('data', (each: string) => seen.push(JSON.parse(each)));
      stream.on('end', () => resolve(seen));
      stream.on('error', reject);
    });
  return {
    ask: (metadata = new Metadata(), options = {}) =>
      new Promise((resolve, reject) => {
        const { path } = service.ask;
        const done = (error: ServiceError | null, reply?: string): void =>
          error === null ? resolve(JSON.parse(reply ?? '')) : reject(error);
        client.makeUnaryRequest(path, write, read, 'x', metadata, options, done);
      }),
    list: () => all(client.makeServerStreamRequest(service.list.path, write, read, 'x')),
    collect: () =>
      new Promise((resolve, reject) => {
        const call = client.makeClientStreamRequest(
          service.collect.path,
          write,
          read,
          (error, reply) =>
            error === null
              ? resolve((reply ?? '').split('\n').map((each) => JSON.parse(each) as unknown))
              : reject(error),
        );
        call.write('x');
        call.end('y');
      }),
    talk: () => {
      const call = client.makeBidiStreamRequest(service.talk.path, write, read);
      call.write('x');
      call.end('y');
      return all(call);
    },
  };
}

describe('a user’s own gRPC calls inside a transaction', () => {
  it('carry its ids and trace context, and nothing that makes a call a branch’s', async () => {
    const calls = await echo();
    await runInScope({ ...scope, branchId: '1', phase: 'try' }, () => calls.ask());
    const sent = headers[0]?.getMap() ?? {};
    expect(sent).toMatchObject({ 'tercet-gid': 'order-1', 'tercet-run-id': runId, ...trace });
    const ours = Object.keys(sent).filter((key) => key.startsWith('tercet-'));
    expect(ours.sort()).toEqual(['tercet-gid', 'tercet-run-id']);
  });

  it('X2: leave what is there as it is, and the caller’s object alone', async () => {
    const calls = await echo();
    const mine = new Metadata();
    mine.set('tercet-gid', 'mine');
    mine.set('traceparent', 'mine');
    mine.set('x-tenant', 'acme');
    await runInScope(scope, () => calls.ask(mine));
    expect(headers[0]?.getMap()).toMatchObject({ 'tercet-gid': 'mine', 'x-tenant': 'acme' });
    expect(headers[0]?.get('traceparent')).toEqual(['mine']);
    // Half of somebody else's ids would name nothing.
    expect(headers[0]?.get('tercet-run-id')).toEqual([]);
    expect(headers[0]?.get('tracestate')).toEqual([]);

    const shared = new Metadata();
    shared.set('x-tenant', 'acme');
    await runInScope(scope, () => calls.ask(shared));
    expect(headers[1]?.get('tercet-gid')).toEqual(['order-1']);
    expect(shared.getMap()).toEqual({ 'x-tenant': 'acme' });
  });

  it('X3: outside a transaction nothing is added', async () => {
    const calls = await echo();
    expect(await calls.ask()).toBeNull();
    expect(Object.keys(headers[0]?.getMap() ?? {}).filter((key) => key.startsWith('t'))).toEqual(
      [],
    );
  });

  it('flow on through a server with the interceptor: every kind of call, in each of its events', async () => {
    const calls = await echo();
    await runInScope(scope, async () => {
      expect(await calls.ask()).toEqual(scope);
      expect(await calls.list()).toEqual([scope, scope]);
      expect(await calls.collect()).toEqual([scope, scope, scope, scope]);
      expect(await calls.talk()).toEqual([scope, scope]);
    });
    expect(await calls.talk()).toEqual([null, null]);
  });

  it('bring the deadline of the call with them, for a run inside its handler', async () => {
    const calls = await echo();
    const deadline = Math.floor(systemClock.now() / 1_000) * 1_000 + 60_000;
    const seen = await runInScope(scope, () => calls.ask(new Metadata(), { deadline }));
    // gRPC carries what is left of it, so it comes out a little later.
    const { deadline: until } = seen as { readonly deadline: number };
    expect(Math.abs(until - deadline)).toBeLessThan(30_000);
  });

  it('do not flow on through a server without it', async () => {
    const calls = await echo({ server: 'plain' });
    expect(await runInScope(scope, () => calls.ask())).toBeNull();
    expect(headers[0]?.get('tercet-gid')).toEqual(['order-1']);
  });

  it('stand beside other interceptors of a client', async () => {
    const calls = await echo({
      client: { interceptors: [tercetClientInterceptor, tercetClientInterceptor] },
    });
    await runInScope(scope, () => calls.ask());
    expect(headers[0]?.get('tercet-gid')).toEqual(['order-1']);
  });

  it('of concurrent runs do not mix', async () => {
    const calls = await echo();
    const s = new Scenario();
    const gids = Array.from({ length: 20 }, (_, i) => `order-${i}`);
    const runs = gids.map((gid) =>
      s.tercet.run({ name: 'checkout', gid }, async () => {
        const seen = [await calls.ask(), ...(await calls.talk())];
        return seen.map((each) => (each as TransactionScope).gid);
      }),
    );
    const results = await Promise.all(runs);
    expect(results.map(({ value }) => value)).toEqual(gids.map((gid) => [gid, gid, gid]));
    expect(await calls.ask()).toBeNull();
  });

  it.each([
    ['tercet-gid', 'two words'],
    ['tercet-run-id', 'short'],
    ['tercet-run-id', undefined],
  ])('with a malformed %s %j belong to no transaction', async (key, value) => {
    const calls = await echo();
    const metadata = new Metadata();
    metadata.set('tercet-gid', 'order-1');
    metadata.set('tercet-run-id', runId);
    if (value === undefined) metadata.remove(key);
    else metadata.set(key, value);
    expect(await calls.ask(metadata)).toBeNull();
  });

  it('with a malformed trace context keep their ids', async () => {
    const calls = await echo();
    const metadata = new Metadata();
    metadata.set('tercet-gid', 'order-1');
    metadata.set('tercet-run-id', runId);
    metadata.set('traceparent', 'nonsense');
    expect(await calls.ask(metadata)).toEqual({ gid: 'order-1', runId });
  });
});
