import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  Caller,
  type Observed,
  ScriptedParticipant,
  type ScriptedStream,
  anOutcome,
  methods,
  turns,
  until,
} from '../../../test/support/deliver-world';

const OK: number = status.OK;
const UNAVAILABLE: number = status.UNAVAILABLE;

/** A participant, a caller and its open stream. */
async function anOpenStream(...hello: Parameters<ScriptedStream['hello']>) {
  const participant = await new ScriptedParticipant((stream) => stream.hello(...hello)).start();
  const caller = new Caller();
  await caller.opened(participant);
  const { stream, target } = participant;
  stream.commands.length = 0;
  stream.messages.length = 0;
  return { participant, caller, stream, target };
}

/** Starts `count` calls that have all arrived. */
async function arrived(
  { caller, stream, target }: Awaited<ReturnType<typeof anOpenStream>>,
  count: number,
): Promise<readonly Observed[]> {
  const calls = Array.from({ length: count }, () => caller.call(target));
  await until(() => stream.commands.length === count);
  return calls;
}

describe('a command', () => {
  it('carries what a unary call would carry, and brings what a unary call would bring', async () => {
    const { caller, stream, target } = await anOpenStream();
    const metadata = { 'X-Tenant': 'blue', 'key-bin': Uint8Array.of(7) };
    const call = caller.call(target, { metadata });
    await until(() => stream.commands.length === 1);
    expect(stream.commands[0]).toMatchObject({
      method: methods.try,
      payload: Buffer.of(1, 2),
      deadlineMs: 30_000,
      gid: 'order-1',
      runId: 'ab'.repeat(16),
      branchId: '1',
      action: 'reserve',
      attempt: 1,
      notAfterUnixMs: 1_800_000_000_000n,
      metadata: [
        { key: 'x-tenant', value: { $case: 'text', value: 'blue' } },
        { key: 'key-bin', value: { $case: 'binary', value: Buffer.of(7) } },
      ],
    });
    stream.answer(stream.command, { reply: Buffer.from('done'), nestedBranchIds: ['1.1'] });
    expect(await call).toEqual({
      code: status.OK,
      message: '',
      payload: Buffer.from('done'),
      verdict: undefined,
      retryAfterMs: undefined,
      rejectDetails: undefined,
      branches: ['1.1'],
      peer: target,
      sent: true,
    });
  });

  it('leaves with all others of its turn in one message', async () => {
    const open = await anOpenStream();
    void (await arrived(open, 100));
    expect(open.stream.messages).toHaveLength(1);
  });

  it('C1: leaves only after Hello', async () => {
    const participant = await new ScriptedParticipant(() => undefined).start();
    const caller = new Caller();
    const call = caller.call(participant.target);
    await until(() => participant.streams.length === 1);
    await turns();
    expect(participant.stream.messages).toEqual([]);
    participant.stream.hello();
    await until(() => participant.commands.length === 1);
    participant.stream.answer(participant.stream.command);
    expect((await call).code).toBe(status.OK);
  });

  it('C1: of a method that Hello does not name goes unary', async () => {
    const { participant, caller, target } = await anOpenStream({ methods: [methods.try] });
    expect((await caller.call(target, { phase: 'confirm' })).payload?.toString()).toBe('unary');
    expect(participant.unary).toHaveLength(1);
  });

  it('C1: of a kind without credit goes unary', async () => {
    const { participant, caller, target } = await anOpenStream({ maxInFlightPhaseTwo: 0 });
    expect((await caller.call(target, { phase: 'cancel' })).payload?.toString()).toBe('unary');
    expect(participant.unary).toHaveLength(1);
  });
});

describe('an outcome', () => {
  it('C2: of an unknown id, or a second one of a command, is ignored', async () => {
    const open = await anOpenStream();
    const [first, second] = await arrived(open, 2);
    const [one, two] = [open.stream.at(0), open.stream.at(1)];
    const refused = { grpcCode: status.FAILED_PRECONDITION, verdict: 'reject' };
    open.stream.say({
      outcomes: [anOutcome(4_000_000), anOutcome(one.id), anOutcome(one.id, refused)],
    });
    open.stream.answer(two, refused);
    expect((await first)?.code).toBe(status.OK);
    expect(await second).toMatchObject({ code: status.FAILED_PRECONDITION, verdict: 'reject' });
  });

  it('is read as a unary status would be: no status of gRPC is UNKNOWN, a reply comes with OK only', async () => {
    const open = await anOpenStream();
    const [call] = await arrived(open, 1);
    open.stream.answer(open.stream.command, { grpcCode: 99, reply: Buffer.from('x') });
    expect(await call).toMatchObject({ code: status.UNKNOWN, payload: undefined });
  });
});

describe('a broken stream', () => {
  it('C3: makes exactly the unanswered commands UNAVAILABLE, never OK', async () => {
    const open = await anOpenStream();
    const calls = await arrived(open, 4);
    open.stream.answer(open.stream.at(0));
    open.stream.answer(open.stream.at(2));
    await until(() => calls.filter(({ reply }) => reply !== undefined).length === 2);
    open.participant.kill();
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(codes).toEqual([0, status.UNAVAILABLE, 0, status.UNAVAILABLE]);
    const reply = await calls[1];
    expect(reply?.message).toContain(`the stream to ${open.target} broke: `);
    expect(reply).toMatchObject({ peer: open.target, sent: true });
  });

  it('C3: tells what its participant said, a status of OK too', async () => {
    const open = await anOpenStream();
    const [lost] = await arrived(open, 1);
    open.stream.fail(status.INTERNAL, 'out of paper');
    expect((await lost)?.message).toBe(`the stream to ${open.target} broke: out of paper`);
    const again = await anOpenStream();
    const [ended] = await arrived(again, 1);
    again.stream.call.end();
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE });
    expect((await ended)?.message).toContain('the participant ended it');
  });

  it('C3: breaks where the bytes are no message, and the process goes on', async () => {
    const open = await anOpenStream();
    const [lost] = await arrived(open, 1);
    open.stream.call.write(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]));
    expect(await lost).toMatchObject({ code: status.UNAVAILABLE });
    expect((await open.caller.call(open.target)).payload?.toString()).toBe('unary');
  });
});

describe('a command that is given up', () => {
  it('C4: at its deadline ends with DEADLINE_EXCEEDED, and the participant is told', async () => {
    const open = await anOpenStream();
    const [call] = await arrived(open, 1);
    await open.caller.time.advance(29_999);
    expect(call?.reply).toBeUndefined();
    await open.caller.time.advance(400);
    expect(await call).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
      message: 'Deadline exceeded after 30.000s',
      sent: true,
    });
    await until(() => open.stream.givenUp.length === 1);
    expect(open.stream.givenUp).toEqual([open.stream.command.id]);
    // Too late, and of no use to anybody.
    open.stream.answer(open.stream.command);
    await turns();
  });

  it('C4: by its signal ends with CANCELLED, and the participant is told', async () => {
    const { caller, stream, target } = await anOpenStream();
    const controller = new AbortController();
    const calls = [1, 2].map(() => caller.call(target, { signal: controller.signal }));
    const other = caller.call(target);
    await until(() => stream.commands.length === 3);
    controller.abort();
    for (const call of calls) {
      expect(await call).toMatchObject({ code: status.CANCELLED, sent: true });
    }
    await until(() => stream.givenUp.length === 2);
    expect(other.reply).toBeUndefined();
  });

  it('C4: before it left, never leaves, and says so', async () => {
    const { caller, stream, target } = await anOpenStream();
    const controller = new AbortController();
    const call = caller.call(target, { signal: controller.signal });
    controller.abort();
    expect(await call).toMatchObject({ code: status.CANCELLED, sent: false });
    const late = caller.call(target, { signal: controller.signal });
    expect(await late).toMatchObject({ code: status.CANCELLED, sent: false });
    await turns();
    expect(stream.messages).toEqual([]);
  });

  it('C4: gives its credit back', async () => {
    const open = await anOpenStream({ maxInFlightTry: 1 });
    const controller = new AbortController();
    void open.caller.call(open.target, { signal: controller.signal });
    await until(() => open.stream.commands.length === 1);
    void open.caller.call(open.target);
    await turns();
    expect(open.stream.commands).toHaveLength(1);
    controller.abort();
    await until(() => open.stream.commands.length === 2);
  });
});

describe('a slow reader', () => {
  /** Commands that are too many for what lies between, each in a message of its own. */
  async function overflowing(open: Awaited<ReturnType<typeof anOpenStream>>, count: number) {
    open.stream.call.pause();
    const payload = new Uint8Array(200_000);
    const calls: Observed[] = [];
    for (let i = 0; i < count; i++) {
      calls.push(open.caller.call(open.target, { payload }));
      await turns(2);
    }
    return calls;
  }

  it('gets everything once it reads again', async () => {
    const open = await anOpenStream();
    const calls = await overflowing(open, 60);
    open.stream.call.resume();
    await until(() => open.stream.commands.length === 60);
    for (const command of open.stream.commands) open.stream.answer(command);
    const replies = await Promise.all(calls);
    expect(replies.every(({ code }) => code === OK)).toBe(true);
  });

  it('C2: cannot answer what it has not got', async () => {
    const open = await anOpenStream();
    const calls = await overflowing(open, 60);
    const last = calls.at(-1);
    // Ids are counted: the first command made the stream open.
    open.stream.answer({ id: 61 }, { grpcCode: status.INTERNAL });
    await turns();
    expect(last?.reply).toBeUndefined();
    open.stream.call.resume();
    await until(() => open.stream.commands.length === 60);
    expect(open.stream.command.id).toBe(61);
    open.stream.answer(open.stream.command);
    expect((await last)?.code).toBe(status.OK);
  });

  it('C3: loses only what was written; the rest goes unary', async () => {
    const open = await anOpenStream();
    const calls = await overflowing(open, 60);
    open.stream.fail(status.INTERNAL);
    const replies = await Promise.all(calls);
    const lost = replies.filter(({ code }) => code === UNAVAILABLE).length;
    expect(lost).toBeGreaterThan(0);
    expect(open.participant.unary.length).toBeGreaterThan(0);
    expect(lost + open.participant.unary.length).toBe(60);
    expect(replies.every(({ code }) => code === OK || code === UNAVAILABLE)).toBe(true);
  });

  it('C4: never gets what was given up while it waited', async () => {
    const open = await anOpenStream();
    const calls = await overflowing(open, 60);
    await open.caller.time.advance(31_000);
    const replies = await Promise.all(calls);
    const unsent = replies.filter(({ sent }) => !sent);
    expect(unsent.length).toBeGreaterThan(0);
    expect(unsent[0]?.message).toMatch(/^Deadline exceeded after 30.000s; it was not sent: /);
    open.stream.call.resume();
    await until(() => open.stream.givenUp.length === 60 - unsent.length);
    await turns();
    expect(open.stream.commands).toHaveLength(60 - unsent.length);
  });
});

describe('a stream', () => {
  it('bears 10,000 commands under way', async () => {
    const open = await anOpenStream({ maxInFlightTry: 10_000 });
    const calls = await arrived(open, 10_000);
    const outcomes = open.stream.commands.map(({ id }) => anOutcome(id));
    open.stream.say({ outcomes });
    const replies = await Promise.all(calls);
    expect(replies.every(({ code }) => code === OK)).toBe(true);
    expect(open.participant.unary).toEqual([]);
  });

  it('C5: that its participant drains finishes, half-closes, and is followed by another', async () => {
    const open = await anOpenStream();
    const [running] = await arrived(open, 1);
    open.stream.say({ drain: true });
    await turns();
    expect((await open.caller.call(open.target)).payload?.toString()).toBe('unary');
    await open.caller.time.advance(50);
    await until(() => open.participant.streams.length === 2);
    await turns();
    const after = open.caller.call(open.target);
    await until(() => open.participant.stream.commands.length === 1);
    expect(open.stream.commands).toHaveLength(1);
    expect(open.stream.halfClosed).toBe(false);
    open.stream.answer(open.stream.command);
    expect((await running)?.code).toBe(status.OK);
    await until(() => open.stream.halfClosed);
    open.participant.stream.answer(open.participant.stream.command);
    expect((await after).code).toBe(status.OK);
  });

  it('C5: whose end does not come after half-closing is given up', async () => {
    const open = await anOpenStream();
    open.stream.say({ drain: true });
    await until(() => open.stream.halfClosed);
    expect(open.stream.ended).toBe(false);
    await open.caller.time.advance(10_000);
    await until(() => open.stream.ended);
  });
});
