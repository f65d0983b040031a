/** What a session does with peers that send too much, send rubbish, or do not read. Over real gRPC. */
import { describe, expect, it, jest } from '@jest/globals';
import { Client, type ClientDuplexStream, credentials, status } from '@grpc/grpc-js';
import { type Gid, limits } from '@tercet/core';
import { CoordinatorService, Fact, SessionRequest } from '@tercet/proto';
import { eventually } from './support/eventually';
import {
  type World,
  branch,
  commit,
  get,
  registration,
  useWorlds,
  wait,
} from './support/grpc-world';
import type { Command, SessionClient } from './support/session-client';

const aWorld = useWorlds();
const OUTSTANDING_MAX = 16_384;

const getCommand: Command = { $case: 'get', value: get };
const waitCommand: Command = { $case: 'wait', value: { ...wait, waitMs: 60_000 } };
const times = (count: number, command: Command): Command[] => Array<Command>(count).fill(command);

/** A session whose bytes the test chooses. */
function rawSession(world: World): ClientDuplexStream<Buffer, Buffer> {
  const client = new Client(world.address, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  });
  const bytes = (given: Buffer): Buffer => given;
  const { path } = CoordinatorService.session;
  const stream = client.makeBidiStreamRequest(path, bytes, bytes);
  world.onEnd(() => {
    stream.cancel();
    client.close();
  });
  return stream.resume();
}

const failed = (stream: ClientDuplexStream<Buffer, Buffer>): Promise<unknown> =>
  new Promise((resolve) => stream.once('error', resolve));

/** Nothing else has suffered: neither a session that was open before nor unary calls. */
async function goesOn(world: World, session: SessionClient): Promise<void> {
  const [registered] = await session.ask({ $case: 'register', value: registration() });
  expect(registered?.$case).toBe('registered');
  await world.client.call('getTransaction', get);
}

describe('bad bytes', () => {
  it('that are no message end their stream, and nothing else', async () => {
    const world = await aWorld();
    const session = world.session();
    await session.hello();
    const raw = rawSession(world);
    const ended = failed(raw);
    raw.write(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f]));
    expect(await ended).toMatchObject({ code: status.INTERNAL });
    await goesOn(world, session);
    expect(await settledWork(world)).toBe(true);
  });

  it('after good ones: the commands before them take effect, their waits end', async () => {
    const world = await aWorld();
    const session = world.session();
    const raw = rawSession(world);
    const ended = failed(raw);
    const value = registration({ gid: 'before' });
    const commands = [
      { id: 1, deadlineMs: 0, command: { $case: 'register', value } as const },
      { id: 2, deadlineMs: 0, command: waitCommand },
    ];
    raw.write(Buffer.from(SessionRequest.encode({ commands, givenUpIds: [] }).finish()));
    raw.write(Buffer.from([0xff]));
    expect(await ended).toMatchObject({ code: status.INTERNAL });
    await eventually(async () => expect(await world.store.load('before' as Gid)).toBeDefined());
    await goesOn(world, session);
  });

  it('of a message above the largest one are not read', async () => {
    const world = await aWorld();
    const session = world.session();
    const raw = rawSession(world);
    const ended = failed(raw);
    raw.write(Buffer.alloc(4 * limits.payloadBytesMax + 64 * 1_024 + 1));
    expect(await ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'Received message larger than max (4259841 vs 4259840)',
    });
    await goesOn(world, session);
  });

  it('an id that two unanswered commands have ends their stream, and names the id', async () => {
    const world = await aWorld();
    const session = world.session();
    await world.client.call('registerBranches', registration());
    const doubled = world.session();
    doubled.write([{ id: 7, deadlineMs: 0, command: waitCommand }]);
    doubled.write([
      { id: 8, deadlineMs: 0, command: { $case: 'commit', value: { ...commit, waitMs: 0 } } },
      { id: 7, deadlineMs: 0, command: getCommand },
    ]);
    const ended = await doubled.ended();
    expect(ended).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details:
        'commands[].id: 7 belongs to a command that is not answered yet; give each command of a stream its own id',
    });
    expect(ended.metadata.get('tercet-code')).toEqual(['INVALID_ARGUMENT']);
    expect(doubled.answeredIds).toEqual([]);
    // What was under way goes on.
    const waitMs = 10_000;
    await world.client.call('waitTransaction', { ...wait, waitFor: Fact.FACT_SETTLED, waitMs });
    expect(await session.ask(getCommand)).toMatchObject([
      { value: { transaction: { reached: Fact.FACT_SETTLED } } },
    ]);
  });
});

describe('many commands', () => {
  it('10,000 may wait at once: others are served meanwhile, and all are answered', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const session = world.session();
    const ids: number[] = [];
    for (let i = 0; i < 100; i++) ids.push(...session.send(...times(100, waitCommand)));
    const [got] = await session.ask(getCommand);
    expect(got?.$case).toBe('got');
    expect(session.answeredIds).toEqual([10_001]);
    await session.ask({ $case: 'commit', value: { ...commit, waitMs: 0 } });
    const answers = await Promise.all(ids.map((id) => session.answered(id)));
    expect(new Set(answers.map(({ answer }) => answer?.$case))).toEqual(new Set(['waited']));
    // 256 KiB in a message: far fewer messages than answers.
    expect(session.messages.length).toBeLessThan(100);
    expect(await settledWork(world)).toBe(true);
  });

  it('more than the limit in one message: those above it are refused, one by one', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const session = world.session();
    const ids = session.send(...times(OUTSTANDING_MAX + 5, waitCommand));
    const tooMany = ids.slice(OUTSTANDING_MAX);
    for (const { answer } of await Promise.all(tooMany.map((id) => session.answered(id)))) {
      expect(answer).toMatchObject({
        $case: 'failure',
        value: { grpcCode: status.RESOURCE_EXHAUSTED, info: { code: 'LIMIT_EXCEEDED' } },
      });
    }
    expect(session.answeredIds).toEqual(tooMany);
    // Those that are given up make room.
    session.write([{ id: 100_000, deadlineMs: 0, command: getCommand }], ids.slice(0, 10));
    expect((await session.answered(100_000)).answer?.$case).toBe('got');
    // Another stream has as many of its own.
    expect((await world.session().ask(getCommand))[0]?.$case).toBe('got');
  });
});

describe('a client that does not read', () => {
  const branchIds = Array.from({ length: 10 }, (_, i) => String(i + 1));
  // So long that few of the messages fit into what HTTP/2 lets through unread.
  const longGid = 'order-'.padEnd(128, '1');
  const longGet: Command = { $case: 'get', value: { ...get, gid: longGid } };
  const perMessage = 20;
  const messages = 300;

  /** A world with a transaction whose answer is large and comes from the store each time. */
  async function aLargeWorld(): Promise<World> {
    const world = await aWorld();
    const branches = branchIds.map((branchId) => branch({ branchId }));
    await world.client.call('registerBranches', registration({ gid: longGid, branches }));
    const settled = { waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
    await world.client.call('commit', { ...commit, ...settled, gid: longGid, branchIds });
    return world;
  }

  it('N3: is not read from, costs others nothing, and gets every answer once it reads', async () => {
    const world = await aLargeWorld();
    const load = jest.spyOn(world.store, 'load');
    const slow = world.session();
    await slow.hello();
    slow.stream.pause();
    for (let i = 0; i < messages; i++) slow.send(...times(perMessage, longGet));
    await eventually(() => expect(load.mock.calls.length).toBeGreaterThan(perMessage));
    const other = world.session();
    for (let i = 0; i < 20; i++) await other.ask(longGet);
    // grpc-js buffers 16 messages in each direction, of up to 256 KiB: however much is sent, it is no more than that.
    expect(load.mock.calls.length).toBeLessThan((messages * perMessage) / 2);
    slow.stream.resume();
    const last = messages * perMessage;
    await slow.answered(last);
    expect(slow.answeredIds).toHaveLength(last);
  });

  it('N4: and goes away leaves nothing behind', async () => {
    const world = await aLargeWorld();
    const slow = world.session();
    await slow.hello();
    slow.stream.pause();
    for (let i = 0; i < messages; i++) slow.send(...times(perMessage, longGet));
    await world.session().ask(longGet);
    slow.stream.cancel();
    await eventually(() => expect(openSessions(world)).toBe(1));
    expect(await settledWork(world)).toBe(true);
  });
});

function openSessions(world: World): number {
  return world.coordinator['grpc']['sessions'].size;
}

/** Whether no call and no command is under way; waits for the last one. */
async function settledWork(world: World): Promise<boolean> {
  await world.coordinator['grpc'].answered();
  return true;
}
