/** What becomes of commands whose stream is cut, at every point of their way. Over real gRPC. */
import { describe, expect, it, jest } from '@jest/globals';
import { type Socket, connect, createServer } from 'node:net';
import { Fact } from '@tercet/proto';
import type { Gid } from '@tercet/core';
import { eventually } from './support/eventually';
import {
  type World,
  commit,
  get,
  registration,
  rollback,
  useWorlds,
  wait,
} from './support/grpc-world';
import type { Command } from './support/session-client';

const aWorld = useWorlds();
const register: Command = { $case: 'register', value: registration() };
const commitNow: Command = { $case: 'commit', value: { ...commit, waitMs: 0 } };
const longWait: Command = { $case: 'wait', value: { ...wait, waitMs: 60_000 } };

/** A way to the coordinator whose connections the test resets, as a dying proxy does. */
async function aPath(world: World): Promise<{ address: string; reset: () => void }> {
  const sockets: Socket[] = [];
  const forwarder = createServer((near) => {
    const far = connect(world.grpcPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.push(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => forwarder.listen(0, '127.0.0.1', resolve));
  const reset = (): void => sockets.splice(0).forEach((socket) => socket.resetAndDestroy());
  world.onEnd(async () => {
    reset();
    await new Promise((resolve) => forwarder.close(resolve));
  });
  const bound = forwarder.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return { address: `127.0.0.1:${bound.port}`, reset };
}

/** No session is open and no command is under way: what was cut has left nothing. */
async function nothingLeft(world: World): Promise<void> {
  const grpc = world.coordinator['grpc'];
  await eventually(() => expect(grpc['sessions'].size).toBe(0));
  await grpc.answered();
}

/** The two ways in which a stream breaks: its client cancels it, or the connection is lost. */
const cuts = ['cancelled', 'reset'] as const;

describe.each(cuts)('a stream that is %s', (cut) => {
  const cutOff = async (
    world: World,
  ): Promise<{ session: ReturnType<World['session']>; now: () => void }> => {
    const path = await aPath(world);
    const session = world.session(path.address);
    await session.hello();
    const now = cut === 'reset' ? path.reset : (): void => session.stream.cancel();
    return { session, now };
  };

  it('N4: ends the waits of its commands at once', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const { session, now } = await cutOff(world);
    session.send(longWait, longWait);
    await session.ask({ $case: 'get', value: get });
    now();
    await nothingLeft(world);
    expect(session.answeredIds).toEqual([3]);
  });

  it('N4: takes no decision back that is on its way to the store; sent again it is a repeat', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const { session, now } = await cutOff(world);
    const write = jest.spyOn(world.store, 'write');
    const release = world.store.holdNext();
    session.send({ $case: 'commit', value: { ...commit, waitMs: 60_000 } });
    await eventually(() => expect(write).toHaveBeenCalled());
    now();
    await session.ended();
    await eventually(() => expect(world.coordinator['grpc']['sessions'].size).toBe(0));
    release();
    await nothingLeft(world);
    expect(await world.store.load(wait.gid as Gid)).toMatchObject({ cause: { kind: 'commit' } });
    const [again] = await world.session().ask(commitNow);
    expect(again?.$case).toBe('committed');
    const [other] = await world.session().ask({ $case: 'rollback', value: rollback });
    expect(other).toMatchObject({ $case: 'failure', value: { info: { code: 'WRONG_STATUS' } } });
    expect(world.caller.story).toEqual(['confirm 1']);
  });

  it('after a decision became durable, before its answer: sent again it is a repeat', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const { session, now } = await cutOff(world);
    session.stream.pause();
    session.send(commitNow);
    await world.client.call('waitTransaction', {
      ...wait,
      waitFor: Fact.FACT_DECIDED,
      waitMs: 10_000,
    });
    now();
    await nothingLeft(world);
    const [again] = await world.session().ask(commitNow);
    expect(again?.$case).toBe('committed');
    await world.client.call('waitTransaction', {
      ...wait,
      waitFor: Fact.FACT_SETTLED,
      waitMs: 10_000,
    });
    expect(world.caller.story).toEqual(['confirm 1']);
  });

  it('costs other streams nothing', async () => {
    const world = await aWorld();
    const other = world.session();
    const { session, now } = await cutOff(world);
    await other.ask(register);
    const [waiting = 0] = other.send(longWait);
    session.send(longWait);
    now();
    await session.ended();
    await other.ask(commitNow);
    expect((await other.answered(waiting)).answer?.$case).toBe('waited');
  });
});

describe('a client that cuts at once', () => {
  it('again and again leaves nothing behind, and what got through takes effect once', async () => {
    const world = await aWorld();
    for (let i = 0; i < 50; i++) {
      const session = world.session();
      session.send(register, longWait);
      if (i % 2 === 0) await session.hello();
      session.stream.cancel();
    }
    const [registered] = await world.session().ask(register);
    expect(registered?.$case).toBe('registered');
    expect((await world.store.load('order-1' as Gid))?.branches).toHaveLength(1);
  });
});
