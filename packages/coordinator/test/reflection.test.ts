/** gRPC reflection, asked as tools of any language ask: over real gRPC, with a proto of the test's own. */
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { DescMethod, FileRegistry } from '@bufbuild/protobuf';
import { Client, credentials, status } from '@grpc/grpc-js';
import { CoordinatorService, OperatorService } from '@tercet/proto';
import { fileDescriptors } from '@tercet/proto/descriptors';
import { service as healthService } from 'grpc-health-check';
import { type World, gid, run, useWorlds } from './support/grpc-world';
import { ReflectionClient } from './support/reflection-client';

const aWorld = useWorlds();
const action = { containing_type: 'google.protobuf.MethodOptions', extension_number: 84_200 };

async function aClient(version?: 'v1' | 'v1alpha'): Promise<[ReflectionClient, World]> {
  const world = await aWorld();
  const client = new ReflectionClient(world.address, version);
  world.onEnd(() => {
    client.stream.on('error', () => undefined);
    client.close();
  });
  return [client, world];
}

function methodOf(registry: FileRegistry, name: string): DescMethod {
  const services = ['tercet.v1.Coordinator', 'tercet.v1.Operator'];
  const methods = services.flatMap((each) => registry.getService(each)?.methods ?? []);
  const method = methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}

describe.each(['v1', 'v1alpha'] as const)(
  'a client that knows nothing but reflection %s',
  (version) => {
    it('finds the services, builds their types and makes calls', async () => {
      const [client, world] = await aClient(version);
      expect(await client.services()).toEqual([
        'tercet.v1.Coordinator',
        'tercet.v1.Operator',
        'grpc.health.v1.Health',
      ]);
      const registry = await client.registry('tercet.v1.Coordinator');
      const registered = await client.call(methodOf(registry, 'RegisterBranches'), {
        gid,
        runId: run,
        open: { name: 'checkout', timeoutMs: 30_000, labels: { order: '7', shop: 'north' } },
        branches: [
          {
            branchId: '1',
            action: 'reserve',
            target: '127.0.0.1:1',
            forwardMethod: '/shop.StockTcc/ReserveTry',
            confirmMethod: '/shop.StockTcc/ReserveConfirm',
            cancelMethod: '/shop.StockTcc/ReserveCancel',
            payload: 'AP8=',
          },
        ],
      });
      // int64 is text in canonical JSON.
      expect(registered).toMatchObject({
        status: 'TRANSACTION_STATUS_TRYING',
        branches: [{ branchId: '1', notAfterUnixMs: expect.stringMatching(/^\d{13}$/) }],
      });
      const stored = await world.store.load(gid as never);
      expect(stored).toMatchObject({ labels: { order: '7', shop: 'north' } });
      expect([...(stored?.branches[0]?.spec.payload ?? [])]).toEqual([0, 255]);
      const found = await client.call(methodOf(registry, 'GetTransaction'), { gid });
      expect(found).toMatchObject({ transaction: { labels: { order: '7', shop: 'north' } } });
      const unknown = client.call(methodOf(registry, 'GetTransaction'), { gid: 'nobody' });
      await expect(unknown).rejects.toMatchObject({
        code: status.NOT_FOUND,
        details: 'no transaction nobody is kept',
      });
    });
  },
);

describe('what reflection serves', () => {
  it('is each file byte for byte, and with it all that it imports, each after its own imports', async () => {
    const [client] = await aClient();
    const all = fileDescriptors();
    const bytesOf = new Map(all.map(({ name, bytes }) => [name, Buffer.from(bytes)]));
    expect(all.length).toBeGreaterThan(5);
    for (const { name } of all) {
      const { file_descriptor_response: answer } = await client.ask({ file_by_filename: name });
      const files = await client.files({ file_by_filename: name });
      expect(files[0]?.name).toBe(name);
      expect(answer?.file_descriptor_proto).toEqual(files.map((file) => bytesOf.get(file.name)));
      const known = new Set<string>();
      for (const file of [...files.slice(1), ...files.slice(0, 1)]) {
        for (const imported of file.dependency) expect(known).toContain(imported);
        known.add(file.name);
      }
    }
  });

  it('describes every service that is served, health included, as it is called', async () => {
    const [client] = await aClient();
    const served = [CoordinatorService, OperatorService, healthService].map((definition) =>
      Object.values(definition as Record<string, { path: string }>).map(({ path }) => path),
    );
    const described: string[][] = [];
    for (const name of await client.services()) {
      const service = (await client.registry(name)).getService(name);
      described.push((service?.methods ?? []).map((method) => `/${name}/${method.name}`));
    }
    expect(described).toEqual(served);
  });

  it.each([
    ['a service', 'tercet.v1.Operator', 'tercet/v1/operator.proto'],
    ['a method', 'tercet.v1.Coordinator.Commit', 'tercet/v1/coordinator.proto'],
    ['a message', 'tercet.v1.CommitRequest', 'tercet/v1/coordinator.proto'],
    ['a field', 'tercet.v1.CommitRequest.branch_ids', 'tercet/v1/coordinator.proto'],
    ['an enum', 'tercet.v1.TransactionStatus', 'tercet/v1/transaction.proto'],
    ['an enum’s value', 'tercet.v1.FACT_DECIDED', 'tercet/v1/transaction.proto'],
    ['an extension', 'tercet.v1.action', 'tercet/v1/annotations.proto'],
    ['a nested message', 'tercet.v1.Opening.LabelsEntry', 'tercet/v1/coordinator.proto'],
    [
      'a nested enum',
      'grpc.health.v1.HealthCheckResponse.ServingStatus',
      'grpc/health/v1/health.proto',
    ],
    [
      'a value of a nested enum',
      'grpc.health.v1.HealthCheckResponse.SERVING',
      'grpc/health/v1/health.proto',
    ],
  ])('is found by %s', async (_, symbol, file) => {
    const [client] = await aClient();
    const [found] = await client.files({ file_containing_symbol: symbol });
    expect(found?.name).toBe(file);
  });

  it('includes the option that marks the methods of an action', async () => {
    const [client] = await aClient();
    const [found] = await client.files({ file_containing_extension: action });
    expect(found?.name).toBe('tercet/v1/annotations.proto');
    const type = action.containing_type;
    const numbers = await client.ask({ all_extension_numbers_of_type: type });
    expect(numbers.all_extension_numbers_response).toEqual({
      base_type_name: type,
      extension_number: [84_200],
    });
    const none = await client.ask({ all_extension_numbers_of_type: 'tercet.v1.Action' });
    expect(none.all_extension_numbers_response).toEqual({
      base_type_name: 'tercet.v1.Action',
      extension_number: [],
    });
  });
});

describe('an answer', () => {
  it.each([
    [
      { file_by_filename: 'a/b.proto' },
      'no file "a/b.proto" here; list_services names what is served',
    ],
    [
      { file_containing_symbol: 'tercet.v1.Nothing' },
      'no symbol "tercet.v1.Nothing" here; list_services names what is served',
    ],
    [
      { file_containing_extension: { ...action, extension_number: 7 } },
      'no extension 7 of "google.protobuf.MethodOptions" here; list_services names what is served',
    ],
    [
      { all_extension_numbers_of_type: 'no.Type' },
      'no message "no.Type" here; list_services names what is served',
    ],
  ])('to %j is an error of its own, and the stream goes on', async (request, message) => {
    const [client] = await aClient();
    const { error_response: error } = await client.ask(request);
    expect(error).toEqual({ error_code: status.NOT_FOUND, error_message: message });
    expect(await client.services()).toHaveLength(3);
  });

  it('to a request that asks nothing says so', async () => {
    const [client] = await aClient();
    expect((await client.ask({ host: 'x' })).error_response).toEqual({
      error_code: status.INVALID_ARGUMENT,
      error_message: 'the request asks nothing',
    });
  });

  it('repeats the request', async () => {
    const [client] = await aClient();
    const request = { host: 'tercet.example', file_containing_symbol: 'tercet.v1.Nothing' };
    const reply = await client.ask(request);
    expect(reply.valid_host).toBe('tercet.example');
    expect(reply.original_request).toMatchObject(request);
  });

  it('is kept for a client that asks without reading, and the order with it', async () => {
    const [client] = await aClient();
    const registry = await client.registry('tercet.v1.Operator');
    const count = 300;
    const seen: string[] = [];
    client.stream.pause();
    for (let i = 0; i < count; i++) client.stream.write({ host: String(i), list_services: '' });
    client.stream.on('data', (reply: { valid_host: string }) => seen.push(reply.valid_host));
    client.stream.end();
    // Answered on the same connection: the server has met all that was written before.
    await client.call(methodOf(registry, 'ListTransactions'), {});
    const ended = once(client.stream, 'end');
    client.stream.resume();
    await ended;
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  });
});

describe('a stream of reflection', () => {
  it('ends with OK when its client has asked all', async () => {
    const [client] = await aClient();
    await client.services();
    const ended = once(client.stream, 'status');
    client.stream.resume().end();
    expect(await ended).toMatchObject([{ code: status.OK }]);
  });

  it('ends with OK at shutdown, so that nothing waits for it', async () => {
    const [client, world] = await aClient();
    await client.services();
    const ended = once(client.stream, 'status');
    client.stream.resume();
    await world.coordinator.stop();
    expect(await ended).toMatchObject([{ code: status.OK }]);
  });

  it('survives bytes that are no request: that stream ends, the server goes on', async () => {
    const [client, world] = await aClient();
    const raw = new Client(world.address, credentials.createInsecure());
    world.onEnd(() => raw.close());
    const bytes = (given: Buffer): Buffer => given;
    const stream = raw.makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      bytes,
      bytes,
    );
    const ended = new Promise((resolve) => stream.once('error', resolve));
    stream.resume().write(Buffer.from([0x22, 0xff, 0xff, 0x03]));
    expect(await ended).toMatchObject({ code: status.INTERNAL });
    expect(await client.services()).toHaveLength(3);
  });
});
