/** Confirm and Cancel over Deliver, and the setting that forbids it: what the coordinator adds to @tercet/runtime's rules. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  type DeliverCommand,
  type DeliverRequest,
  type DeliverResponse,
  Fact,
  ParticipantService,
  Phase,
} from '@tercet/proto';
import type { Config } from '../src/config/fields';
import { Coordinator } from '../src/coordinator';
import { CoordinatorClient } from './support/coordinator-client';
import { branch, commit, gid, registration, rollback, run } from './support/grpc-world';

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const confirm = '/shop.StockTcc/ReserveConfirm';
const cancel = '/shop.StockTcc/ReserveCancel';

/** A participant that says OK to everything, on a stream as well. */
class Participant {
  readonly commands: DeliverCommand[] = [];
  readonly unary: string[] = [];
  readonly server = new Server();
  halfClosed = 0;

  async start(): Promise<string> {
    const raw = (bytes: Buffer): Buffer => bytes;
    const method = (path: string) => ({
      path,
      requestStream: false as const,
      responseStream: false as const,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    });
    const answer =
      (path: string) => (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        this.unary.push(path);
        done(null, Buffer.alloc(0));
      };
    this.server.addService(
      { confirm: method(confirm), cancel: method(cancel) },
      { confirm: answer(confirm), cancel: answer(cancel) },
    );
    this.server.addService(ParticipantService, { deliver: (call: Stream) => this.opened(call) });
    cleanUps.push(() => this.server.forceShutdown());
    return await new Promise((resolve) => {
      this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, port) =>
        resolve(`127.0.0.1:${port}`),
      );
    });
  }

  private opened(call: Stream): void {
    const hello = {
      protocolVersion: 1,
      barrier: false,
      actions: ['reserve'],
      methods: [confirm, cancel],
      maxInFlightTry: 10,
      maxInFlightPhaseTwo: 10,
    };
    call.write({ hello, outcomes: [], drain: false });
    call.on('data', ({ commands }: DeliverRequest) => {
      this.commands.push(...commands);
      const ok = { grpcCode: 0, message: '', reply: Buffer.alloc(0), verdict: '' };
      const outcomes = commands.map(({ id }) => ({ ...ok, id, nestedBranchIds: [] }));
      call.write({ outcomes, drain: false });
    });
    call.on('end', () => {
      this.halfClosed++;
      call.end();
    });
    call.on('error', () => undefined);
  }
}

type Stream = ServerDuplexStream<DeliverRequest, DeliverResponse>;

/** A transaction of one branch, decided and settled. */
async function settled(verb: 'commit' | 'rollback', config: Partial<Config> = {}) {
  const participant = new Participant();
  const target = await participant.start();
  const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: 'off', store: 'memory' } as const;
  const coordinator = new Coordinator({ config: { ...addresses, ...config } });
  cleanUps.push(() => coordinator.stop());
  const { grpcPort } = await coordinator.start();
  const client = new CoordinatorClient(`127.0.0.1:${grpcPort}`);
  cleanUps.push(() => client.close());
  const methods = { confirmMethod: confirm, cancelMethod: cancel };
  await client.call(
    'registerBranches',
    registration({ branches: [branch({ target, ...methods })] }),
  );
  const waiting = { waitFor: Fact.FACT_EXECUTED, waitMs: 10_000 };
  if (verb === 'commit') await client.call('commit', commit);
  else await client.call('rollback', { ...rollback, ...waiting });
  return { participant, coordinator };
}

describe('phase two', () => {
  it('goes over Deliver where a participant offers it', async () => {
    const { participant } = await settled('commit');
    expect(participant.unary).toEqual([]);
    expect(participant.commands).toMatchObject([
      {
        method: confirm,
        gid,
        runId: run,
        branchId: '1',
        phase: Phase.PHASE_CONFIRM,
        attempt: 1,
        notAfterUnixMs: undefined,
      },
    ]);
  });

  it('tells a Cancel until when a late Try may come', async () => {
    const { participant } = await settled('rollback');
    expect(participant.commands).toMatchObject([{ method: cancel, phase: Phase.PHASE_CANCEL }]);
    expect(participant.commands[0]?.notAfterUnixMs).toBeGreaterThan(0n);
  });

  it('is unary where the setting says so', async () => {
    const { participant } = await settled('commit', { deliver: 'unary' });
    expect(participant.unary).toEqual([confirm]);
    expect(participant.commands).toEqual([]);
  });
});

describe('a coordinator that stops', () => {
  it('ends its streams, so that participants can stop gracefully', async () => {
    const { participant, coordinator } = await settled('commit');
    await coordinator.stop();
    await new Promise<void>((resolve) => participant.server.tryShutdown(() => resolve()));
    expect(participant.halfClosed).toBe(1);
  });
});
