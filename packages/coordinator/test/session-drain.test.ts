/** How sessions end when the coordinator stops: in every order of who does what first. Over real gRPC. */
import { describe, expect, it, jest } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { Gid } from '@tercet/core';
import { Coordinator } from '../src/coordinator';
import { MemoryStore } from '../src/store/memory-store';
import { eventually } from './support/eventually';
import { type World, commit, get, registration, useWorlds, wait } from './support/grpc-world';
import { type Command, SessionClient } from './support/session-client';

const aWorld = useWorlds();
const register: Command = { $case: 'register', value: registration() };
const commitNow: Command = { $case: 'commit', value: { ...commit, waitMs: 0 } };
const getCommand: Command = { $case: 'get', value: get };
const longWait: Command = { $case: 'wait', value: { ...wait, waitMs: 60_000 } };

/** A world with the transaction open, and a session that was used. */
async function anOpenWorld(): Promise<{ world: World; session: SessionClient }> {
  const world = await aWorld();
  const session = world.session();
  await session.ask(register);
  return { world, session };
}

/** Holds the next write to the store; resolves when it has come there. */
async function held(world: World, send: () => void): Promise<() => void> {
  const write = jest.spyOn(world.store, 'write');
  const release = world.store.holdNext();
  send();
  await eventually(() => expect(write).toHaveBeenCalled());
  return release;
}

describe('a coordinator that stops', () => {
  it('tells its sessions, and is over as soon as they have ended', async () => {
    const { world, session } = await anOpenWorld();
    void session.drained().then(() => session.stream.end());
    await world.coordinator.stop();
    expect(await session.ended()).toMatchObject({ code: status.OK });
    expect(session.messages.filter(({ drain }) => drain)).toHaveLength(1);
  });

  it('answers those who wait before it ends their stream', async () => {
    const { world, session } = await anOpenWorld();
    const waiting = session.send(longWait, longWait);
    await session.ask(getCommand);
    void session.drained().then(() => session.stream.end());
    await world.coordinator.stop();
    expect(await session.ended()).toMatchObject({ code: status.OK });
    for (const id of waiting) expect((await session.answered(id)).answer?.$case).toBe('waited');
  });

  it('makes durable and answers what is under way', async () => {
    const { world, session } = await anOpenWorld();
    const release = await held(world, () => void session.send(commitNow));
    const stopping = world.coordinator.stop();
    await session.drained();
    session.stream.end();
    expect(session.answeredIds).toEqual([1]);
    release();
    expect((await session.answered(2)).answer?.$case).toBe('committed');
    expect(await session.ended()).toMatchObject({ code: status.OK });
    await stopping;
    await world.store.open('later');
    expect(await world.store.load('order-1' as Gid)).toMatchObject({ cause: { kind: 'commit' } });
    await world.store.close();
  });

  it('serves what its clients had sent before they heard of it: refused, to be sent elsewhere', async () => {
    const { world, session } = await anOpenWorld();
    const release = await held(world, () => void session.send(commitNow));
    const stopping = world.coordinator.stop();
    await session.drained();
    const [crossed, read] = await session.ask(
      { $case: 'register', value: registration({ gid: 'late' }) },
      getCommand,
    );
    expect(crossed).toMatchObject({
      $case: 'failure',
      value: { grpcCode: status.UNAVAILABLE, info: { code: 'SHUTTING_DOWN', retryable: true } },
    });
    expect(read?.$case).toBe('got');
    release();
    session.stream.end();
    await stopping;
    expect((await session.answered(2)).answer?.$case).toBe('committed');
    expect(await session.ended()).toMatchObject({ code: status.OK });
  });

  it('ends a session whose client had ended its side before', async () => {
    const { world, session } = await anOpenWorld();
    const [waiting = 0] = session.send(longWait);
    session.stream.end();
    await world.client.call('getTransaction', get);
    await world.coordinator.stop();
    expect((await session.answered(waiting)).answer?.$case).toBe('waited');
    expect(await session.ended()).toMatchObject({ code: status.OK });
  });

  it('ends a session whose client does not end its side, in good order', async () => {
    const { world, session } = await anOpenWorld();
    const [waiting = 0] = session.send(longWait);
    await session.ask(getCommand);
    await world.coordinator.stop();
    expect((await session.answered(waiting)).answer?.$case).toBe('waited');
    expect(await session.ended()).toMatchObject({ code: status.OK });
  });

  it('ends many sessions, used and unused, and leaves no work behind', async () => {
    const { world } = await anOpenWorld();
    const sessions = Array.from({ length: 20 }, () => world.session());
    await Promise.all(sessions.map((session) => session.hello()));
    for (const session of sessions.slice(0, 10)) session.send(longWait);
    await world.client.call('getTransaction', get);
    await world.coordinator.stop();
    for (const session of sessions) expect(await session.ended()).toMatchObject({ code: 0 });
    const grpc = world.coordinator['grpc'];
    await grpc.answered();
    expect(grpc['sessions'].size).toBe(0);
  });

  it('does not wait for a client that reads nothing', async () => {
    const { world, session } = await anOpenWorld();
    session.stream.pause();
    for (let i = 0; i < 100; i++) session.send(...Array<Command>(300).fill(getCommand));
    await world.client.call('getTransaction', get);
    await world.coordinator.stop();
    session.stream.resume();
    await session.ended();
    expect(world.coordinator['grpc']['sessions'].size).toBe(0);
  });
});

describe('a client that comes to the next coordinator', () => {
  it('goes on with what it knows: the same commands are repeats', async () => {
    const store = new MemoryStore();
    const config = { grpcAddress: '127.0.0.1:0', httpAddress: 'off', store: 'memory' } as const;
    const answers: unknown[] = [];
    for (const commands of [[register], [register, commitNow], [commitNow]]) {
      const coordinator = new Coordinator({ config, store });
      const { grpcPort } = await coordinator.start();
      const session = new SessionClient(`127.0.0.1:${grpcPort}`);
      for (const command of commands) answers.push((await session.ask(command))[0]?.$case);
      await coordinator.stop();
      session.close();
    }
    expect(answers).toEqual(['registered', 'registered', 'committed', 'committed']);
  });
});
