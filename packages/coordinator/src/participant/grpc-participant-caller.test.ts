import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { BranchId, Gid, RunId } from '@tercet/core';
import { GrpcParticipantCaller } from './grpc-participant-caller';
import type { ParticipantCall } from './participant-caller';

const seen: { metadata: Record<string, unknown>; request: number[]; deadlineMs: number }[] = [];
const caller = new GrpcParticipantCaller();
let server: Server | undefined;

afterEach(() => {
  server?.forceShutdown();
  seen.length = 0;
});

async function participant(at = 0): Promise<string> {
  server = new Server();
  const raw = (b: Buffer): Buffer => b;
  server.addService(
    {
      confirm: {
        path: '/shop.StockTcc/ReserveConfirm',
        requestStream: false,
        responseStream: false,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      },
    },
    {
      confirm: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        const deadline = call.getDeadline();
        seen.push({
          metadata: call.metadata.getMap(),
          request: [...call.request],
          deadlineMs: Number(deadline),
        });
        done(null, Buffer.alloc(0));
      },
    },
  );
  const listening = server;
  return await new Promise((resolve) => {
    listening.bindAsync(`127.0.0.1:${at}`, ServerCredentials.createInsecure(), (_, port) =>
      resolve(`127.0.0.1:${port}`),
    );
  });
}

function aCall(target: string, over: Partial<ParticipantCall['context']> = {}): ParticipantCall {
  return {
    target,
    method: '/shop.StockTcc/ReserveConfirm',
    payload: Uint8Array.of(0, 200),
    context: {
      gid: 'order-1' as Gid,
      runId: 'ab'.repeat(16) as RunId,
      branchId: '2' as BranchId,
      action: 'reserve',
      phase: 'confirm',
      attempt: 3,
      notAfter: undefined,
      trace: { traceparent: '00-a-b-01', tracestate: 'x=y' },
      ...over,
    },
    deadlineMs: 2_000,
    signal: new AbortController().signal,
  };
}

describe('GrpcParticipantCaller', () => {
  it('sends the stored bytes, all of tercet’s metadata, the trace and a real deadline', async () => {
    const reply = await caller.call(aCall(await participant()));
    expect(reply.code).toBe(status.OK);
    expect(seen[0]?.request).toEqual([0, 200]);
    expect(seen[0]?.metadata).toMatchObject({
      'tercet-gid': 'order-1',
      'tercet-run-id': 'ab'.repeat(16),
      'tercet-branch-id': '2',
      'tercet-action': 'reserve',
      'tercet-phase': 'confirm',
      'tercet-attempt': '3',
      traceparent: '00-a-b-01',
      tracestate: 'x=y',
    });
    expect(seen[0]?.metadata).not.toHaveProperty('tercet-not-after');
    expect(Number.isFinite(seen[0]?.deadlineMs)).toBe(true);
  });

  it('tells a Cancel until when a late Try may come', async () => {
    await caller.call(aCall(await participant(), { phase: 'cancel', notAfter: 1_700_000_000_000 }));
    expect(seen[0]?.metadata).toMatchObject({
      'tercet-phase': 'cancel',
      'tercet-not-after': '1700000000000',
    });
  });

  it('turns a target that cannot be parsed into an unreachable participant', async () => {
    const reply = await caller.call(aCall('no scheme knows:///this'));
    expect(reply.code).toBe(status.UNAVAILABLE);
  });

  it('leaves no connection when closed, and connects anew when called again', async () => {
    const target = await participant();
    await caller.call(aCall(target));
    caller.close();
    expect((await caller.call(aCall(target))).code).toBe(status.OK);
    caller.close();
  });
});

describe('GrpcParticipantCaller’s connections', () => {
  it('knows who cannot be reached, and tells when the participant is there', async () => {
    const target = await participant();
    const address = Number(target.split(':')[1]);
    server?.forceShutdown();
    const { code } = await caller.call(aCall(target));
    expect(code).toBe(status.UNAVAILABLE);
    expect(caller.connection(target)).toBe('down');
    const ready = new Promise<void>((resolve) => caller.whenReady(target, resolve));
    await participant(address);
    await ready;
    expect(caller.connection(target)).toBe('ready');
    expect((await caller.call(aCall(target))).code).toBe(status.OK);
    caller.close();
    expect(caller.connection(target)).toBe('unknown');
  });
});
