import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  Caller,
  NameServer,
  ScriptedParticipant,
  anOutcome,
  turns,
  until,
} from '../../../test/support/deliver-world';

/** A participant whose streams answer every command at once. */
function eager(): ScriptedParticipant {
  return new ScriptedParticipant((stream) => {
    stream.hello();
    stream.call.on('data', ({ commands }: { commands: readonly { id: number }[] }) =>
      stream.say({ outcomes: commands.map(({ id }) => anOutcome(id)) }),
    );
  });
}

/** Whether a call came back from the unary method. */
const unary = { code: status.OK, payload: Buffer.from('unary') };

describe('a target that is called for the first time', () => {
  it('S1: lets calls wait a second for Hello, then they go unary', async () => {
    const participant = await new ScriptedParticipant(() => undefined).start();
    const caller = new Caller();
    const calls = [caller.call(participant.target), caller.call(participant.target)];
    await until(() => participant.streams.length === 1);
    await caller.time.advance(999);
    await turns();
    expect(calls[0]?.reply).toBeUndefined();
    await caller.time.advance(1);
    for (const call of calls) expect(await call).toMatchObject(unary);
    // The next ones do not wait again, and a late Hello is welcome.
    expect(await caller.call(participant.target)).toMatchObject(unary);
    participant.stream.hello();
    await turns();
    void caller.call(participant.target);
    await until(() => participant.commands.length === 1);
  });

  it('S1: lets no call wait longer than half its time', async () => {
    const participant = await new ScriptedParticipant(() => undefined).start();
    const caller = new Caller();
    const patient = caller.call(participant.target);
    const urgent = caller.call(participant.target, { deadlineMs: 1_000 });
    await until(() => participant.streams.length === 1);
    await caller.time.advance(499);
    await turns();
    expect(participant.unary).toEqual([]);
    await caller.time.advance(1);
    // They ask for the same: where one goes unary there is no use in letting the other wait.
    expect(await urgent).toMatchObject(unary);
    expect(await patient).toMatchObject(unary);
  });

  it('S1: calls nobody for a call that is given up meanwhile', async () => {
    const participant = await new ScriptedParticipant(() => undefined).start();
    const caller = new Caller();
    const controller = new AbortController();
    const call = caller.call(participant.target, { signal: controller.signal });
    await until(() => participant.streams.length === 1);
    controller.abort();
    expect(await call).toMatchObject({ code: status.CANCELLED, sent: false });
    await caller.time.advance(1_000);
    await turns();
    expect(participant.unary).toEqual([]);
  });

  it('S1: sends calls unary as soon as it broke before Hello, and none twice', async () => {
    const participant = await new ScriptedParticipant((stream) =>
      stream.fail(status.INTERNAL),
    ).start();
    const caller = new Caller();
    expect(await caller.call(participant.target)).toMatchObject(unary);
    expect(participant.unary).toHaveLength(1);
  });

  it('S1: says of one that nobody listens at what a unary call says', async () => {
    const participant = await new ScriptedParticipant().start();
    participant.kill();
    const caller = new Caller();
    const reply = await caller.call(participant.target);
    expect(reply).toMatchObject({ code: status.UNAVAILABLE, sent: true });
    expect(reply.message).toBe(`connect ECONNREFUSED ${participant.target}`);
    expect(caller.channels.connection(participant.target)).toBe('down');
  });

  it('S1: says of a name that nobody knows what a unary call says', async () => {
    const names = new NameServer('unknown');
    const caller = new Caller();
    const reply = await caller.call(names.target);
    expect(reply).toMatchObject({ code: status.UNAVAILABLE });
    expect(reply.message).toContain('no such name');
  });

  it('S1: uses the stream of one address while another says nothing', async () => {
    const mute = await new ScriptedParticipant(() => undefined).start();
    const well = await eager().start();
    const names = new NameServer([mute, well]);
    const caller = new Caller();
    expect(await caller.call(names.target)).toMatchObject({ code: status.OK, peer: well.target });
    expect(mute.unary).toEqual([]);
  });
});

describe('a target whose streams are broken', () => {
  it('S1: is called unary at once, until a stream is there again', async () => {
    const participant = await eager().start();
    const caller = new Caller();
    await caller.call(participant.target);
    participant.kill();
    await turns();
    expect((await caller.call(participant.target)).code).toBe(status.UNAVAILABLE);
    await participant.start();
    await caller.time.advance(100);
    await until(() => participant.streams.length === 2 || participant.unary.length > 0);
    for (let i = 0; i < 100 && participant.streams.length < 2; i++) {
      await caller.call(participant.target);
      await caller.time.advance(100);
      await turns(5);
    }
    await turns();
    const before = participant.commands.length;
    await caller.call(participant.target);
    expect(participant.commands.length).toBe(before + 1);
  });

  it('S4, L1: is asked for a stream with growing delays while it is called, and not without a call', async () => {
    const participant = await new ScriptedParticipant((stream) =>
      stream.fail(status.UNAVAILABLE),
    ).start();
    const caller = new Caller();
    const call = async (): Promise<void> => void (await caller.call(participant.target));
    await call();
    const at: number[] = [];
    for (let n = 0; n < 1_000 && participant.streams.length < 10; n++) {
      const before = participant.streams.length;
      await call();
      await caller.time.advance(50);
      await turns(2);
      if (participant.streams.length > before) at.push(caller.time.now());
    }
    const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(Math.max(...gaps)).toBeGreaterThan(2_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5_100);
    await caller.time.advance(10_000);
    await turns();
    const { length } = participant.streams;
    await caller.time.advance(60_000);
    await turns();
    expect(participant.streams.length).toBe(length);
    expect(caller.time.pending).toBe(0);
    await call();
    await turns();
    expect(participant.streams.length).toBe(length + 1);
  });
});

describe('names', () => {
  it('S2: a new address gets its share of the calls within 30 s', async () => {
    const [a, b] = await Promise.all([eager().start(), eager().start()]);
    const names = new NameServer([a]);
    const caller = new Caller();
    await caller.call(names.target);
    names.participants = [a, b];
    for (let s = 0; s < 20; s++) {
      await caller.call(names.target);
      await caller.time.advance(1_000);
      await turns(5);
    }
    const before = [a.commands.length, b.commands.length];
    for (let n = 0; n < 10; n++) await caller.call(names.target);
    expect([a.commands.length, b.commands.length]).toEqual(before.map((count) => count + 5));
    // Whatever the address, calls are for the name: a proxy may tell hosts apart by it.
    expect(b.stream.call.getHost()).toBe('shop.example');
  });

  it('S2, L4: an address that is gone gets no new calls, and loses none', async () => {
    const a = await new ScriptedParticipant().start();
    const b = await eager().start();
    const names = new NameServer([a]);
    const caller = new Caller();
    const running = caller.call(names.target, { deadlineMs: 600_000 });
    await until(() => a.commands.length === 1);
    names.participants = [b];
    await caller.time.advance(13_000);
    await until(() => b.streams.length === 1);
    await turns();
    for (let n = 0; n < 10; n++) await caller.call(names.target);
    expect([a.commands.length, b.commands.length]).toEqual([1, 10]);
    expect(a.stream.halfClosed).toBe(false);
    a.stream.answer(a.stream.command);
    expect((await running).code).toBe(status.OK);
    await until(() => a.stream.halfClosed);
  });

  it('S2: that cannot be resolved for a while change nothing', async () => {
    const a = await eager().start();
    const names = new NameServer([a]);
    const caller = new Caller();
    await caller.call(names.target);
    names.participants = 'unknown';
    const { asked } = names;
    await caller.call(names.target);
    await caller.time.advance(13_000);
    expect(names.asked).toBeGreaterThan(asked);
    await turns();
    await caller.call(names.target);
    expect(a.commands).toHaveLength(3);
    expect(a.streams).toHaveLength(1);
  });

  it('S2: are asked again when a stream drains', async () => {
    const a = await new ScriptedParticipant().start();
    const b = await eager().start();
    const names = new NameServer([a]);
    const caller = new Caller();
    const call = caller.call(names.target);
    await until(() => a.commands.length === 1);
    a.stream.answer(a.stream.command);
    await call;
    await caller.time.advance(2_000);
    names.participants = [b];
    a.stream.say({ drain: true });
    await until(() => b.streams.length === 1);
    await turns();
    await caller.call(names.target);
    expect(b.commands).toHaveLength(1);
  });

  it('S2: there is a limit to how many addresses get a stream', async () => {
    const participant = eager();
    participant.host = '0.0.0.0';
    const { port } = await participant.start();
    const names = new NameServer([]);
    names.more = Array.from({ length: 100 }, (_, i) => ({ host: `127.0.1.${i + 1}`, port }));
    const caller = new Caller();
    await caller.call(names.target);
    await until(() => participant.streams.length === 64);
    await turns(200);
    expect(participant.streams).toHaveLength(64);
  });
});

describe('a target that nobody calls', () => {
  it('S3: loses its streams after five minutes, and gets new ones when it is called', async () => {
    const participant = await eager().start();
    const caller = new Caller();
    await caller.call(participant.target);
    await caller.time.advance(200_000);
    await turns();
    expect(participant.stream.ended).toBe(false);
    await caller.time.advance(200_000);
    await until(() => participant.stream.halfClosed || participant.stream.ended);
    expect(caller.time.pending).toBe(0);
    expect((await caller.call(participant.target)).code).toBe(status.OK);
    expect(participant.streams).toHaveLength(2);
    expect(participant.unary).toEqual([]);
  });

  it('S3: keeps them while a call is under way', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    const call = caller.call(participant.target, { deadlineMs: 3_600_000 });
    await until(() => participant.commands.length === 1);
    await caller.time.advance(590_000);
    participant.stream.answer(participant.stream.command);
    expect((await call).code).toBe(status.OK);
  });
});
