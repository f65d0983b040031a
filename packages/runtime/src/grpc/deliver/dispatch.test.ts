import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  Caller,
  NameServer,
  type Observed,
  ScriptedParticipant,
  type ScriptedStream,
  turns,
  until,
} from '../../../test/support/deliver-world';

type Hello = Parameters<ScriptedStream['hello']>[0];

/** A participant at one address, and a caller with an open stream to it. */
async function oneParticipant(hello: Hello = {}) {
  const participant = await new ScriptedParticipant((stream) => stream.hello(hello)).start();
  const caller = new Caller();
  await caller.opened(participant);
  participant.stream.commands.length = 0;
  return { participant, caller, target: participant.target };
}

/** Two participants behind a name, and a caller with open streams to both. */
async function twoParticipants(...hellos: [Hello, Hello]) {
  const [a, b] = await Promise.all(
    hellos.map((hello) => new ScriptedParticipant((stream) => stream.hello(hello)).start()),
  );
  if (a === undefined || b === undefined) throw new Error('there are two');
  const names = new NameServer([a, b]);
  const caller = new Caller();
  void caller.call(names.target);
  await until(() => a.commands.length + b.commands.length === 1);
  await until(() => a.streams.length === 1 && b.streams.length === 1);
  await turns();
  for (const each of [a, b]) for (const command of each.commands) each.stream.answer(command);
  await turns();
  a.stream.commands.length = 0;
  b.stream.commands.length = 0;
  return { a, b, names, caller, target: names.target };
}

describe('the credits', () => {
  it('T1: Tries that wait for what only a Confirm frees do not keep it out', async () => {
    const credits = { maxInFlightTry: 2, maxInFlightPhaseTwo: 1 };
    const { participant, caller, target } = await oneParticipant(credits);
    const tries = Array.from({ length: 5 }, () => caller.call(target));
    const confirm = caller.call(target, { phase: 'confirm' });
    await until(() => participant.commands.length === 3);
    await turns();
    const { stream } = participant;
    expect(stream.commands).toHaveLength(3);
    expect(stream.at(2)).toMatchObject({ method: '/shop.Stock/ReserveConfirm' });
    stream.answer(stream.at(2));
    expect((await confirm).code).toBe(status.OK);
    stream.answer(stream.at(0));
    stream.answer(stream.at(1));
    await until(() => participant.commands.length === 5);
    expect(tries.filter(({ reply }) => reply !== undefined)).toHaveLength(2);
  });

  it('T1: let waiting calls leave in their order', async () => {
    const { participant, caller, target } = await oneParticipant({ maxInFlightTry: 1 });
    for (const n of [1, 2, 3]) void caller.call(target, { payload: Uint8Array.of(n) });
    for (const n of [1, 2, 3]) {
      await until(() => participant.commands.length === n);
      expect([...participant.stream.command.payload]).toEqual([n]);
      participant.stream.answer(participant.stream.command);
    }
  });

  it('T1: a call whose time passes in the line was never sent, and says so', async () => {
    const { participant, caller, target } = await oneParticipant({ maxInFlightTry: 1 });
    void caller.call(target, { deadlineMs: 60_000 });
    const waiting = caller.call(target, { deadlineMs: 1_000 });
    await until(() => participant.commands.length === 1);
    await caller.time.advance(1_010);
    expect(await waiting).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message:
        'Deadline exceeded after 1.000s; it was not sent: it waited for the participant to take another Try',
      sent: false,
    });
    participant.stream.answer(participant.stream.command);
    await turns();
    expect(participant.commands).toHaveLength(1);
  });

  it('T1: a call that waited says with its command how much time is left', async () => {
    const { participant, caller, target } = await oneParticipant({ maxInFlightTry: 1 });
    void caller.call(target);
    void caller.call(target, { deadlineMs: 10_000 });
    await until(() => participant.commands.length === 1);
    await caller.time.advance(4_000);
    participant.stream.answer(participant.stream.command);
    await until(() => participant.commands.length === 2);
    expect(participant.stream.command.deadlineMs).toBe(6_000);
  });

  it('T1: there is a limit to how many wait', async () => {
    const { caller, target } = await oneParticipant({ maxInFlightTry: 1 });
    const calls = Array.from({ length: 65_538 }, () => caller.call(target));
    expect(await calls[65_537]).toMatchObject({ code: status.RESOURCE_EXHAUSTED, sent: false });
    await turns();
    expect(calls.filter(({ reply }) => reply !== undefined)).toHaveLength(1);
  });
});

describe('several addresses', () => {
  it('T1: get the same number of calls, and more where they answer faster', async () => {
    const { a, b, caller, target } = await twoParticipants({}, {});
    for (let i = 0; i < 10; i++) void caller.call(target);
    await until(() => a.commands.length + b.commands.length === 10);
    expect([a.commands.length, b.commands.length]).toEqual([5, 5]);
    for (const command of a.commands) a.stream.answer(command);
    await turns();
    for (let i = 0; i < 5; i++) void caller.call(target);
    await turns();
    expect([a.commands.length, b.commands.length]).toEqual([10, 5]);
  });

  it('T1: take turns where there is one call at a time', async () => {
    const { a, b, caller, target } = await twoParticipants({}, {});
    for (let i = 1; i <= 6; i++) {
      void caller.call(target);
      await until(() => a.commands.length + b.commands.length === i);
      for (const each of [a, b]) for (const command of each.commands) each.stream.answer(command);
      await turns();
    }
    expect([a.commands.length, b.commands.length]).toEqual([3, 3]);
  });

  it('T1: a call goes where its method is taken', async () => {
    const old = { methods: ['/shop.Stock/ReserveTry'] };
    const { a, b, caller, target } = await twoParticipants(old, {});
    for (let i = 0; i < 4; i++) void caller.call(target, { phase: 'confirm' });
    await until(() => b.commands.length === 4);
    expect(a.commands).toHaveLength(0);
  });

  it('T3: who waits for one that breaks goes to another', async () => {
    const { a, b, caller, target } = await twoParticipants(
      { maxInFlightTry: 1 },
      { maxInFlightTry: 1 },
    );
    const calls = Array.from({ length: 4 }, () => caller.call(target));
    await until(() => a.commands.length + b.commands.length === 2);
    a.stream.fail(status.INTERNAL);
    for (let n = 1; n <= 3; n++) {
      await until(() => b.commands.length === n);
      b.stream.answer(b.stream.command);
    }
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 0, 0, status.UNAVAILABLE]);
  });
});

describe('a Try that was lost with its stream', () => {
  /** One call on a stream that breaks; the next one says `second`. */
  async function lost(first: Hello, second: Hello, phase: 'try' | 'confirm' = 'try') {
    const { participant, caller, target } = await oneParticipant(first);
    const call: Observed = caller.call(target, { phase });
    await until(() => participant.commands.length === 1);
    participant.onStream = (stream) => stream.hello(second);
    participant.stream.fail(status.INTERNAL, 'it restarts');
    await turns();
    return { participant, caller, call };
  }

  it('T2: is sent again where both streams announced a barrier', async () => {
    const { participant, caller, call } = await lost({ barrier: true }, { barrier: true });
    expect(call.reply).toBeUndefined();
    await caller.time.advance(100);
    await until(() => participant.commands.length === 2);
    const [before, after] = participant.commands;
    expect(after).toMatchObject({ attempt: before?.attempt, branchId: before?.branchId });
    expect(after?.deadlineMs).toBe(29_900);
    participant.stream.answer(after ?? { id: 0 });
    expect((await call).code).toBe(status.OK);
    expect(participant.unary).toEqual([]);
  });

  it.each([
    ['the lost one announced none', {}, { barrier: true }, 'try'],
    ['it is a Confirm', { barrier: true }, { barrier: true }, 'confirm'],
  ] as const)('T2: is UNAVAILABLE at once where %s', async (_name, first, second, phase) => {
    const { call } = await lost(first, second, phase);
    expect(call.reply).toMatchObject({ code: status.UNAVAILABLE, sent: true });
  });

  it('T2: is UNAVAILABLE at the next Hello without a barrier', async () => {
    const { participant, caller, call } = await lost({ barrier: true }, { barrier: false });
    expect(call.reply).toBeUndefined();
    await caller.time.advance(100);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE, sent: true });
    expect(participant.commands).toHaveLength(1);
    expect(participant.unary).toEqual([]);
  });

  it('T2: goes to another address with a barrier at once', async () => {
    const { a, b, caller, target } = await twoParticipants({ barrier: true }, { barrier: true });
    const call = caller.call(target);
    await until(() => a.commands.length + b.commands.length === 1);
    const [used, other] = a.commands.length === 1 ? [a, b] : [b, a];
    used.stream.fail(status.INTERNAL);
    await until(() => other.commands.length === 1);
    other.stream.answer(other.stream.command);
    expect((await call).code).toBe(status.OK);
  });

  it('T2: is sent again twice at most', async () => {
    const { participant, caller, call } = await lost({ barrier: true }, { barrier: true });
    for (const n of [2, 3]) {
      await caller.time.advance(300);
      await until(() => participant.commands.length === n);
      participant.stream.fail(status.INTERNAL, 'it chokes on it');
      await turns();
    }
    expect(await call).toMatchObject({ code: status.UNAVAILABLE, sent: true });
    expect((await call).message).toContain('it chokes on it');
  });

  it('T2: ends at its deadline where no stream comes, however often one is tried', async () => {
    const { participant, caller, target } = await oneParticipant({ barrier: true });
    const call = caller.call(target);
    await until(() => participant.commands.length === 1);
    participant.kill();
    await turns();
    for (let i = 0; i < 40 && call.reply === undefined; i++) {
      await caller.time.advance(1_000);
      await turns();
    }
    expect(await call).toMatchObject({ code: status.DEADLINE_EXCEEDED, sent: true });
    expect((await call).message).toMatch(
      /^Deadline exceeded after 30.000s; the stream to .* broke/,
    );
  });

  it('T2: is sent again also where its stream had drained first, and nobody has called since', async () => {
    const { participant, caller, target } = await oneParticipant({ barrier: true });
    const call = caller.call(target);
    await until(() => participant.commands.length === 1);
    const { stream } = participant;
    stream.say({ drain: true });
    await turns();
    await caller.time.advance(100);
    await until(() => participant.streams.length === 2);
    // Nobody needs another one in its place, yet.
    participant.stream.fail(status.INTERNAL);
    await turns();
    await caller.time.advance(10_000);
    await turns();
    expect(participant.streams).toHaveLength(2);
    stream.fail(status.INTERNAL);
    await until(() => participant.commands.length === 2);
    participant.stream.answer(participant.stream.command);
    expect((await call).code).toBe(status.OK);
  });

  it('T2: is UNAVAILABLE where the participant offers no stream any more', async () => {
    const { participant, caller, target } = await oneParticipant({ barrier: true });
    const call = caller.call(target);
    await until(() => participant.commands.length === 1);
    participant.onStream = (stream) => stream.fail(status.UNIMPLEMENTED);
    participant.stream.fail(status.INTERNAL);
    await turns();
    await caller.time.advance(100);
    expect(await call).toMatchObject({ code: status.UNAVAILABLE, sent: true });
    expect(participant.unary).toEqual([]);
  });

  it('T2, T3: that had not left the second stream when that broke, too, still never goes unary', async () => {
    const tries = { barrier: true, maxInFlightPhaseTwo: 0 };
    const { a, b, caller, target } = await twoParticipants(tries, { barrier: true });
    b.stream.call.pause();
    const payload = new Uint8Array(200_000);
    for (let i = 0; i < 60; i++) {
      void caller.call(target, { phase: 'confirm', payload });
      await turns(2);
    }
    const call = caller.call(target);
    await until(() => a.commands.length === 1);
    a.stream.fail(status.INTERNAL);
    await turns();
    b.stream.fail(status.INTERNAL);
    await turns();
    await caller.time.advance(100);
    await until(() => a.commands.length + b.commands.length === 2);
    const again = a.commands.length === 2 ? a : b;
    again.stream.answer(again.stream.command);
    expect((await call).code).toBe(status.OK);
    const unary = [...a.unary, ...b.unary].map(({ method }) => method);
    expect(unary).not.toContain('/shop.Stock/ReserveTry');
  });
});
