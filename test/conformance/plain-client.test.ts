/**
 * docs/protocol.md promises that other languages need nothing but the `.proto` files, unary RPCs and ordinary metadata.
 * Here both the initiator and the participant are made that way: the files are loaded afresh, no code of ours and
 * nothing generated takes part. It holds the generated code against the files, too.
 */
import { describe, expect, it } from '@jest/globals';
import {
  type Client,
  type GrpcObject,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  type ServiceError,
  credentials,
  loadPackageDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { join } from 'node:path';
import { aFolder, afterTest } from '../support/clean-up';
import { aCoordinator } from '../support/shop';

const includeDirs = [join(__dirname, '../../proto')];
const loaded = loadSync('tercet/v1/coordinator.proto', {
  includeDirs,
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
});
const v1 = (loadPackageDefinition(loaded)['tercet'] as GrpcObject)['v1'] as GrpcObject;
const Coordinator = v1['Coordinator'] as ServiceClientConstructor;

type Answer = Record<string, unknown>;

class PlainInitiator {
  private readonly client: Client;

  constructor(port: number) {
    this.client = new Coordinator(`127.0.0.1:${port}`, credentials.createInsecure());
    afterTest(() => this.client.close());
  }

  call(method: string, request: object): Promise<Answer> {
    const client = this.client as unknown as Record<
      string,
      (request: object, done: (error: ServiceError | null, answer: Answer) => void) => void
    >;
    return new Promise((resolve, reject) => {
      client[method]?.(request, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  }
}

interface Seen {
  readonly path: string;
  readonly bytes: number[];
  readonly metadata: Metadata;
}

/** A participant of raw bytes: one that was written in any language. */
async function plainParticipant(): Promise<{ target: string; seen: Seen[] }> {
  const server = new Server();
  const seen: Seen[] = [];
  const raw = (bytes: Buffer): Buffer => bytes;
  for (const path of ['/any.Stock/Try', '/any.Stock/Confirm', '/any.Stock/Cancel']) {
    const method = {
      path,
      requestStream: false as const,
      responseStream: false as const,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    };
    const handle = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      seen.push({ path, bytes: [...call.request], metadata: call.metadata });
      done(null, Buffer.alloc(0));
    };
    server.addService({ handle: method }, { handle });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  afterTest(() => server.forceShutdown());
  return { target: `127.0.0.1:${port}`, seen };
}

const runId = 'ab'.repeat(16);

function registration(target: string): object {
  return {
    gid: 'order-1',
    run_id: runId,
    open: { name: 'checkout', timeout_ms: 10_000, labels: { order: '1' } },
    branches: [
      {
        branch_id: '1',
        action: 'take',
        target,
        forward_method: '/any.Stock/Try',
        confirm_method: '/any.Stock/Confirm',
        cancel_method: '/any.Stock/Cancel',
        payload: Buffer.from([0, 1, 255]),
        cancel_payload: Buffer.from([9]),
      },
    ],
  };
}

describe('a client of the .proto files alone', () => {
  it('registers, commits, waits and reads, with metadata at the participant as documented', async () => {
    const { port } = await aCoordinator(aFolder());
    const { target, seen } = await plainParticipant();
    const initiator = new PlainInitiator(port);
    const registered = await initiator.call('RegisterBranches', registration(target));
    expect(registered['status']).toBe('TRANSACTION_STATUS_TRYING');
    const commit = { gid: 'order-1', run_id: runId, branch_ids: ['1'] };
    const wait = { wait_for: 'FACT_EXECUTED', wait_ms: 5_000 };
    expect(await initiator.call('Commit', { ...commit, ...wait })).toMatchObject({ pending: [] });
    const settled = await initiator.call('WaitTransaction', {
      gid: 'order-1',
      wait_for: 'FACT_SETTLED',
      wait_ms: 5_000,
    });
    expect(settled['transaction']).toMatchObject({
      status: 'TRANSACTION_STATUS_CONFIRMED',
      reached: 'FACT_SETTLED',
      labels: { order: '1' },
      branches: [{ branch_id: '1', status: 'BRANCH_STATUS_CONFIRMED', attempts: 1 }],
    });
    expect(seen.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['/any.Stock/Confirm', [0, 1, 255]],
    ]);
    expect(seen[0]?.metadata.getMap()).toMatchObject({
      'tercet-gid': 'order-1',
      'tercet-run-id': runId,
      'tercet-branch-id': '1',
      'tercet-action': 'take',
      'tercet-phase': 'confirm',
      'tercet-attempt': '1',
    });
  });

  it('sends Cancel its own payload', async () => {
    const { port } = await aCoordinator(aFolder());
    const { target, seen } = await plainParticipant();
    const initiator = new PlainInitiator(port);
    await initiator.call('RegisterBranches', registration(target));
    await initiator.call('Rollback', {
      gid: 'order-1',
      run_id: runId,
      reason: 'no',
      tries: [{ branch_id: '1', outcome: 'PHASE_ONE_STATUS_DONE' }],
      wait_for: 'FACT_EXECUTED',
      wait_ms: 5_000,
    });
    expect(seen.map(({ path, bytes }) => [path, bytes])).toEqual([['/any.Stock/Cancel', [9]]]);
    expect(seen[0]?.metadata.get('tercet-not-after')[0]).toMatch(/^\d{13}$/);
  });

  it('reads the code of a refusal from an ordinary trailer', async () => {
    const { port } = await aCoordinator(aFolder());
    const initiator = new PlainInitiator(port);
    const refused = initiator.call('Commit', { gid: 'nobody', run_id: runId, branch_ids: [] });
    const error = (await refused.catch((caught: unknown) => caught)) as ServiceError;
    expect(error.code).toBe(5);
    expect(error.metadata.get('tercet-code')).toEqual(['TRANSACTION_NOT_FOUND']);
  });
});
