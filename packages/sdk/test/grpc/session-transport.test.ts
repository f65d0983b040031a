/** The session over real gRPC: what it carries, and what it does where there is none. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { type BranchId, CallSignalSource, type Gid, type RunId } from '@tercet/core';
import { aBranchSpec, anOpening } from '@tercet/core/testing';
import type { SessionAnswer } from '@tercet/proto';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import type { Answer, TransactionReply } from '../../src/coordinator/coordinator-transport';
import { CoordinatorChannels } from '../../src/grpc/coordinator-channels';
import { GrpcCoordinatorTransport } from '../../src/grpc/grpc-coordinator-transport';
import { SessionTransport } from '../../src/grpc/session/session-transport';
import { type Play, SessionServer, aMessage, trailersOf } from '../support/session-server';
import { aWireTransaction } from '../support/wire';

const gid = 'order-1' as Gid;
const runId = 'a'.repeat(32) as RunId;
const bounds = { deadlineMs: 60_000, signal: new CallSignalSource() };
const opened: { stop?(): unknown; close?(): unknown }[] = [];

afterEach(() => {
  for (const each of opened.splice(0).toReversed()) (each.close ?? each.stop)?.call(each);
});

/** Answers gets with their transaction. */
const answering: Play = ({ command }) => ({
  $case: 'got',
  value: { transaction: aWireTransaction({ gid: command?.value.gid ?? '' }), result: undefined },
});

function transportTo(addresses: readonly string[], clock = systemClock): SessionTransport {
  const ports = { clock, random: systemRandom, scheduler: systemScheduler };
  const transport = new SessionTransport(
    new CoordinatorChannels(addresses, { random: systemRandom }),
    ports,
  );
  opened.push(transport);
  return transport;
}

async function site(
  play: Play = answering,
  set: Partial<SessionServer> = {},
): Promise<{ server: SessionServer; transport: SessionTransport }> {
  const server = await Object.assign(new SessionServer(play), set).start();
  opened.push(server);
  return { server, transport: transportTo([server.address]) };
}

async function get(
  transport: SessionTransport,
  name: string = gid,
): Promise<Answer<TransactionReply>> {
  return transport.getTransaction({ gid: name as Gid, withResult: false }, bounds);
}

/** Asks until it is answered, as a run does. */
async function getUntilAnswered(transport: SessionTransport): Promise<void> {
  while ((await get(transport)).kind !== 'ok') {
    await new Promise((resolve) => systemScheduler.after(10, () => resolve(undefined)));
  }
}

const ok = { kind: 'ok', reply: { transaction: { gid } } };

describe('the session to the coordinator', () => {
  it('carries every command as the unary calls do, and their answers', async () => {
    const requests: unknown[] = [];
    const decision = { status: 2, reached: 1, pending: [] };
    const found = { transaction: aWireTransaction(), result: Buffer.of(7) };
    const branches = [{ branchId: '1', notAfterUnixMs: 5n }];
    const answers: Readonly<Record<string, ReturnType<Play>>> = {
      register: { $case: 'registered', value: { status: 1, remainingMs: 7, branches } },
      commit: { $case: 'committed', value: decision },
      rollback: { $case: 'rolledBack', value: { ...decision, status: 4 } },
      get: { $case: 'got', value: found },
      wait: { $case: 'waited', value: found },
    };
    const { server, transport } = await site(({ command }) => {
      requests.push(command);
      return answers[command?.$case ?? ''];
    });
    const unary = new GrpcCoordinatorTransport(
      new CoordinatorChannels([server.address], { random: systemRandom }),
    );
    opened.push(unary);
    const wait = { waitFor: 'executed', waitMs: 70 } as const;
    const tries = new Map([['1' as BranchId, 'done']] as const);
    const told: unknown[][] = [];
    for (const each of [transport, unary]) {
      requests.length = 0;
      const said: unknown[] = [
        await each.registerBranches(
          { gid, runId, opening: anOpening(), branches: [aBranchSpec()] },
          bounds,
        ),
        await each.commit(
          { gid, runId, branchIds: ['1' as BranchId], result: Uint8Array.of(1), ...wait },
          bounds,
        ),
        await each.rollback({ gid, runId, reason: 'sold out', tries, ...wait }, bounds),
        await each.getTransaction({ gid, withResult: true }, bounds),
        await each.waitTransaction({ gid, withResult: true, ...wait }, bounds),
      ];
      told.push([...said, ...requests]);
    }
    expect(told[0]).toEqual(told[1]);
    expect(told[0]).toHaveLength(10);
    expect(told[0]?.[1]).toMatchObject({ kind: 'ok', reply: { status: 'confirming' } });
    expect(server.commands).toHaveLength(5);
    expect(server.unary).toHaveLength(5);
  });

  it('has one stream, however many ask at once: 10,000 are answered in any order', async () => {
    const held: SessionAnswer[] = [];
    const { server, transport } = await site((command, stream) => {
      held.push({ id: command.id, answer: answering(command, stream) ?? undefined });
      while (held.length > 0 && server.commands.length === 10_000) {
        stream.write(aMessage({ answers: held.splice(-100).toReversed() }));
      }
    });
    const asked = Array.from({ length: 10_000 }, (_, i) => get(transport, `g${i}`));
    const wrong = (await Promise.all(asked)).filter(
      (answer, i) => answer.kind !== 'ok' || answer.reply.transaction.gid !== `g${i}`,
    );
    expect(wrong).toEqual([]);
    expect(server.streams).toHaveLength(1);
    expect(server.unary).toEqual([]);
  });

  it('lets nobody wait for a wait', async () => {
    const { transport } = await site((command, stream) =>
      command.command?.$case === 'wait' ? undefined : answering(command, stream),
    );
    const caller = new CallSignalSource();
    const waits = Array.from({ length: 2_000 }, () =>
      transport.waitTransaction(
        { gid, waitFor: 'settled', waitMs: 60_000, withResult: false },
        { deadlineMs: 65_000, signal: caller },
      ),
    );
    expect(await get(transport)).toMatchObject(ok);
    caller.abort('enough');
    expect(new Set((await Promise.all(waits)).map(({ kind }) => kind))).toEqual(new Set(['lost']));
  });
});

describe('a stream that the coordinator', () => {
  it('ends at once loses its commands, with the reason that it names', async () => {
    const ends: Parameters<SessionServer['greet']>[0][] = [];
    const { server, transport } = await site(answering, {
      greet: (stream) => {
        ends.push(stream);
        if (ends.length > 2) return false;
        if (ends.length === 1) stream.end();
        else {
          const metadata = trailersOf('SHUTTING_DOWN');
          stream.emit('error', { code: status.UNAVAILABLE, details: 'stopping', metadata });
        }
        return true;
      },
    });
    expect(await get(transport)).toMatchObject({
      kind: 'lost',
      error: { code: 'COORDINATOR_UNAVAILABLE' },
    });
    expect(await get(transport)).toMatchObject({
      kind: 'lost',
      error: { code: 'SHUTTING_DOWN', message: 'stopping' },
    });
    expect(await get(transport)).toMatchObject(ok);
    expect(server.streams).toHaveLength(3);
    expect(server.unary).toEqual([]);
  });

  it('writes nonsense to is given up, and the next one works', async () => {
    const { server, transport } = await site(answering, { garbled: true });
    expect(await get(transport)).toMatchObject({
      kind: 'lost',
      error: { code: 'COORDINATOR_UNAVAILABLE' },
    });
    server.garbled = false;
    expect(await get(transport)).toMatchObject(ok);
  });

  it('drains is replaced at once by one on a new connection; what is under way is answered', async () => {
    let answerFirst = (): void => undefined;
    const peers = new Set<string>();
    const { server, transport } = await site((command, stream) => {
      peers.add(stream.getPeer());
      const answer = answering(command, stream);
      if (command.command?.value.gid !== 'slow') return answer;
      answerFirst = () => {
        stream.write(aMessage({ answers: [{ id: command.id, answer: answer ?? undefined }] }));
      };
      return undefined;
    });
    await get(transport);
    const slow = get(transport, 'slow');
    while (server.commands.length < 2)
      await new Promise<void>((resolve) => systemScheduler.soon(resolve));
    server.stream.write(aMessage({ drain: true }));
    while (server.streams.length < 2) expect(await get(transport)).toMatchObject(ok);
    answerFirst();
    expect(await slow).toMatchObject({ kind: 'ok', reply: { transaction: { gid: 'slow' } } });
    expect(peers.size).toBe(2);
  });
});

describe('a coordinator without sessions', () => {
  it('is asked once, then served by unary calls', async () => {
    const { server, transport } = await site(answering, { offered: false });
    const asked = await Promise.all(['a', 'b', 'c'].map((name) => get(transport, name)));
    expect(asked.map((answer) => answer.kind)).toEqual(['ok', 'ok', 'ok']);
    expect(await get(transport)).toMatchObject(ok);
    expect(server.unary).toEqual(['get', 'get', 'get', 'get']);
  });

  it('is asked again when its connection was lost', async () => {
    const { server, transport } = await site(answering, { offered: false });
    await get(transport);
    server.stop();
    expect(await get(transport)).toMatchObject({
      kind: 'lost',
      error: { code: 'COORDINATOR_UNAVAILABLE' },
    });
    server.offered = true;
    await server.start();
    await getUntilAnswered(transport);
    expect(server.streams).toHaveLength(1);
    expect(server.unary).toEqual(['get']);
  });

  it('is asked again after ten minutes, also by a clock that was put back', async () => {
    let now = 1_700_000_000_000;
    const server = new SessionServer(answering);
    let refused = 0;
    server.greet = (stream) => {
      refused += 1;
      stream.emit('error', { code: status.UNIMPLEMENTED, details: 'not yet' });
      return true;
    };
    opened.push(await server.start());
    const transport = transportTo([server.address], { now: () => now });
    for (const [passed, asked] of [
      [0, 1],
      [599_999, 1],
      [1, 2],
      [-3_600_000, 3],
      [1_000, 3],
    ] as const) {
      now += passed;
      expect(await get(transport)).toMatchObject(ok);
      expect(refused).toBe(asked);
    }
  });
});
