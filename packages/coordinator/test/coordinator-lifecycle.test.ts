import { describe, expect, it } from '@jest/globals';
import { Client, type MethodDefinition, credentials } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { Coordinator } from '../src/coordinator';
import { MemoryStore } from '../src/store/memory-store';
import { CoordinatorClient } from './support/coordinator-client';

const config = {
  store: 'memory',
  grpcAddress: '127.0.0.1:0',
  httpAddress: '127.0.0.1:0',
  shutdownGraceMs: 30_000,
} as const;

describe('stopping a coordinator', () => {
  it('does not wait for a health Watch, which never ends by itself', async () => {
    const coordinator = new Coordinator({ config, store: new MemoryStore() });
    const { grpcPort } = await coordinator.start();
    const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure());
    const watch = healthService['Watch'] as MethodDefinition<{ service: string }, object>;
    const stream = client.makeServerStreamRequest(
      watch.path,
      watch.requestSerialize,
      watch.responseDeserialize,
      { service: '' },
    );
    const seen: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      stream.on('data', (answer) => seen.push(answer));
      stream.on('error', () => resolve());
      stream.on('end', () => resolve());
    });
    await new Promise<void>((resolve) => stream.once('data', () => resolve()));
    // Within jest's own limit of 5 s, although the grace is 30 s.
    await coordinator.stop();
    await ended;
    client.close();
    expect(seen.at(-1)).toMatchObject({ status: 'NOT_SERVING' });
  });

  it('while it starts leaves nothing that listens, and tells the one who started it', async () => {
    const store = new MemoryStore();
    const coordinator = new Coordinator({ config, store });
    const starting = coordinator.start();
    const refused = expect(starting).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await coordinator.stop();
    await refused;
    // The store is free for the next one.
    await store.open('next');
    await store.close();
  });
});

describe('a request that would need an answer larger than headers may be', () => {
  it('is refused before it is looked at, and its connection goes on', async () => {
    const coordinator = new Coordinator({ config, store: new MemoryStore() });
    const { grpcPort } = await coordinator.start();
    const client = new CoordinatorClient(`127.0.0.1:${grpcPort}`);
    const branchIds = Array.from({ length: 8_000 }, (_, i) => String(i + 1));
    const runId = 'ab'.repeat(16);
    const commit = { gid: 'a', runId, branchIds, waitFor: 0, waitMs: 0 };
    expect(await client.refusal('commit', commit)).toMatchObject({
      message: 'branch_ids: at most 256, as many as a transaction has branches, got 8000',
    });
    const tries = branchIds.map((branchId) => ({ branchId, outcome: 3 }));
    const rollback = { gid: 'a', runId, reason: '', tries, waitFor: 0, waitMs: 0 };
    expect(await client.refusal('rollback', rollback)).toMatchObject({
      message: 'tries: at most 256, as many as a transaction has branches, got 8000',
    });
    client.close();
    await coordinator.stop();
  });
});
