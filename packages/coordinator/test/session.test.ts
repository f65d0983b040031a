/** Coordinator.Session over real gRPC: the commands, and what stands in the messages. */
import { describe, expect, it, jest } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { type Branch, CommandFailure, Fact, TransactionStatus } from '@tercet/proto';
import { eventually } from './support/eventually';
import {
  type World,
  branch,
  commit,
  get,
  registration,
  rollback,
  useWorlds,
  wait,
} from './support/grpc-world';
import type { Command } from './support/session-client';

const aWorld = useWorlds();

const commands = {
  register: (gid = 'order-1', over: Partial<Branch> = {}): Command => ({
    $case: 'register',
    value: registration({ gid, branches: [branch(over)] }),
  }),
  commit: (gid = 'order-1'): Command => ({ $case: 'commit', value: { ...commit, gid } }),
  get: (gid = 'order-1'): Command => ({ $case: 'get', value: { ...get, gid } }),
  wait: (over: Partial<typeof wait> = {}): Command => ({
    $case: 'wait',
    value: { ...wait, waitMs: 60_000, ...over },
  }),
};

/** A world with a transaction whose participant does not answer. */
async function anOpenWorld(): Promise<World> {
  const world = await aWorld();
  world.caller.always('1', 'hold');
  await world.client.call('registerBranches', registration());
  return world;
}

describe('a session', () => {
  it('says hello before anything was asked', async () => {
    const { hello } = await (await aWorld()).session().hello();
    expect(hello).toEqual({ protocolVersion: 1, outstandingMax: 16_384 });
  });

  it('runs a TCC from registration to settled with nothing but the contracts', async () => {
    const world = await aWorld();
    const session = world.session();
    const [registered] = await session.ask(commands.register());
    expect(registered).toMatchObject({
      $case: 'registered',
      value: { status: TransactionStatus.TRANSACTION_STATUS_TRYING, branches: [{ branchId: '1' }] },
    });
    const [committed] = await session.ask(commands.commit());
    expect(committed).toMatchObject({ $case: 'committed', value: { pending: [] } });
    const settled = commands.wait({ waitFor: Fact.FACT_SETTLED });
    const [waited, got] = [...(await session.ask(settled)), ...(await session.ask(commands.get()))];
    const value = {
      transaction: {
        status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
        reached: Fact.FACT_SETTLED,
      },
    };
    expect(waited).toMatchObject({ $case: 'waited', value });
    expect(got).toMatchObject({ $case: 'got', value });
    expect(world.caller.story).toEqual(['confirm 1']);
  });

  it('ends with OK when its client has asked all and ended its side', async () => {
    const session = (await aWorld()).session();
    session.send(commands.register());
    session.stream.end();
    expect(await session.ended()).toMatchObject({ code: status.OK });
    expect(session.answeredIds).toEqual([1]);
  });
});

describe('the answer of a command is that of its unary call', () => {
  /** What a unary call says, and what the command says of the same after it. */
  async function both(
    world: World,
    method: 'registerBranches' | 'commit' | 'rollback' | 'getTransaction' | 'waitTransaction',
    command: Command,
  ): Promise<void> {
    const unary = await world.client.call(method, command.value);
    const [answer] = await world.session().ask(command);
    if (answer?.$case !== 'registered') {
      expect(answer?.value).toEqual(unary);
      return;
    }
    // What is left of phase one is told at the moment of the answer.
    const { remainingMs } = answer.value;
    expect(remainingMs).toBeGreaterThan(0);
    expect(answer.value).toEqual({ ...unary, remainingMs });
  }

  it('register, get, commit and wait', async () => {
    const world = await anOpenWorld();
    await both(world, 'registerBranches', commands.register());
    await both(world, 'getTransaction', commands.get());
    const decided = { ...commit, waitMs: 0, result: Buffer.from('{}') };
    await both(world, 'commit', { $case: 'commit', value: decided });
    await both(world, 'getTransaction', { $case: 'get', value: { ...get, withResult: true } });
    await both(world, 'waitTransaction', commands.wait({ waitMs: 1, withResult: true }));
  });

  it('rollback, with what is pending', async () => {
    const world = await anOpenWorld();
    await both(world, 'rollback', {
      $case: 'rollback',
      value: { ...rollback, reason: 'no stock' },
    });
    await both(world, 'getTransaction', commands.get());
  });
});

describe('batching', () => {
  it('N1: brings what is ready in the same turn in one message', async () => {
    const world = await aWorld();
    const session = world.session();
    const gids = Array.from({ length: 50 }, (_, i) => `order-${i}`);
    await session.ask(...gids.map((gid) => commands.register(gid)));
    const registered = session.messages.length;
    // Written with a few commits; what one of them wrote is ready together.
    expect(registered).toBeLessThan(1 + 6);
    await session.ask(...gids.map((gid) => commands.get(gid)));
    const counts = session.messages.map(({ answers }) => answers.length);
    // Fifty commands take four turns; what two of them bring may leave together.
    const got = counts.slice(registered);
    expect(got.reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(got.length).toBeLessThanOrEqual(4);
  });

  it('N1: waits hold up nothing, and answers come as they are ready', async () => {
    const world = await anOpenWorld();
    const session = world.session();
    const [waiting = 0] = session.send(commands.wait(), commands.register('order-2'));
    await session.ask(commands.get('order-2'));
    expect(session.answeredIds).not.toContain(waiting);
    await session.ask({ $case: 'commit', value: { ...commit, waitMs: 0 } });
    expect((await session.answered(waiting)).answer).toMatchObject({
      $case: 'waited',
      value: { transaction: { reached: Fact.FACT_DECIDED } },
    });
  });

  it('a hundred sessions of one coordinator have nothing to do with each other’s ids', async () => {
    const world = await aWorld();
    const sessions = Array.from({ length: 100 }, () => world.session());
    const answers = await Promise.all(
      sessions.map((session, i) => session.ask(commands.register(`order-${i}`))),
    );
    expect(answers.flat().map((answer) => answer?.$case)).toEqual(Array(100).fill('registered'));
  });
});

describe('a command that is given up', () => {
  it('N2: is not answered, and what it does is not taken back', async () => {
    const world = await anOpenWorld();
    const session = world.session();
    const write = jest.spyOn(world.store, 'write');
    const release = world.store.holdNext();
    const [waiting = 0, committing = 0] = session.send(commands.wait(), commands.commit());
    await eventually(() => expect(write).toHaveBeenCalled());
    session.write([], [waiting, committing]);
    // Read after the giving up, as it came behind it.
    await session.ask(commands.get('nobody'));
    release();
    await world.client.call('waitTransaction', { ...wait, waitMs: 10_000 });
    const [got] = await session.ask(commands.get());
    expect(got).toMatchObject({
      value: { transaction: { status: TransactionStatus.TRANSACTION_STATUS_CONFIRMING } },
    });
    expect(session.answeredIds).toEqual([3, 4]);
  });

  it('a registration whose time is over before it is written is dropped, as the unary one', async () => {
    const world = await aWorld();
    const session = world.session();
    const write = jest.spyOn(world.store, 'write');
    const release = world.store.holdNext();
    session.send(commands.register('first'));
    await eventually(() => expect(write).toHaveBeenCalledTimes(1));
    session.write([
      { id: 20, deadlineMs: 10_000, command: commands.register('late') },
      { id: 30, deadlineMs: 50_000, command: commands.register('patient') },
    ]);
    await session.ask(commands.get('nobody'));
    world.clock.shiftMs = 20_000;
    release();
    const { answer } = await session.answered(20);
    expect(answer).toMatchObject({
      $case: 'failure',
      value: { grpcCode: status.DEADLINE_EXCEEDED, info: { code: 'DEADLINE_EXCEEDED' } },
    });
    expect((await session.answered(30)).answer?.$case).toBe('registered');
    expect(await world.store.load('late' as never)).toBeUndefined();
  });
});

describe('a command that this coordinator does not know', () => {
  it('fails alone with NOT_BUILT_YET', async () => {
    const world = await aWorld();
    const session = world.session();
    session.write([
      { id: 1, deadlineMs: 0, command: undefined },
      { id: 2, deadlineMs: 0, command: commands.register() },
    ]);
    const { answer } = await session.answered(1);
    expect(CommandFailure.toJSON(answer?.value as CommandFailure)).toMatchObject({
      grpcCode: status.UNIMPLEMENTED,
      info: { code: 'NOT_BUILT_YET', details: { field: 'command' } },
    });
    expect((await session.answered(2)).answer?.$case).toBe('registered');
  });
});
