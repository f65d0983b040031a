import { describe, expect, it } from '@jest/globals';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { Caller, ScriptedParticipant, turns, until } from '../../../test/support/deliver-world';

/** Lets time pass, with a call every ten seconds, until `holds`; at most 13 minutes. */
async function busyUntil(
  { caller, target }: { readonly caller: Caller; readonly target: string },
  holds: () => boolean,
): Promise<void> {
  for (let n = 0; n < 13 * 6 && !holds(); n++) {
    void caller.call(target, { deadlineMs: 9_000 });
    await caller.time.advance(10_000);
    await turns(3);
  }
}

describe('a stream that is old', () => {
  it('L2: is replaced on another connection; it drains when the new one has said Hello', async () => {
    const participant = await new ScriptedParticipant().start();
    const { target } = participant;
    const caller = new Caller();
    await caller.opened(participant);
    participant.onStream = () => undefined;
    const since = caller.time.now();
    const running = caller.call(target, { deadlineMs: 1_200_000 });
    await busyUntil({ caller, target }, () => participant.streams.length === 2);
    expect(caller.time.now() - since).toBeGreaterThanOrEqual(9 * 60_000);
    const [old, young] = participant.streams;
    if (old === undefined || young === undefined) throw new Error('there are two');
    const before = old.commands.length;
    void caller.call(target);
    await until(() => old.commands.length === before + 1);
    young.hello();
    await turns();
    const after = caller.call(target);
    await until(() => young.commands.length === 1);
    young.answer(young.command);
    expect((await after).code).toBe(status.OK);
    expect(old.halfClosed).toBe(false);
    for (const command of old.commands) old.answer(command);
    expect((await running).code).toBe(status.OK);
    await until(() => old.halfClosed);
    expect(participant.connections.size).toBe(2);
  });

  it('L2: stays where no new one can be had', async () => {
    const participant = await new ScriptedParticipant().start();
    const { target } = participant;
    const caller = new Caller();
    await caller.opened(participant);
    const [old] = participant.streams;
    participant.onStream = (stream) => stream.fail(status.UNAVAILABLE);
    await busyUntil({ caller, target }, () => participant.streams.length > 2);
    expect(old?.halfClosed).toBe(false);
    const before = old?.commands.length ?? 0;
    void caller.call(target);
    await until(() => old?.commands.length === before + 1);
    expect(participant.unary).toEqual([]);
  });
});

describe('a line', () => {
  it('L1: opens another stream with little delay after one that lived long', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    await caller.opened(participant);
    for (let n = 2; n <= 8; n++) {
      void caller.call(participant.target);
      await caller.time.advance(10_000);
      participant.stream.fail(status.INTERNAL);
      await turns();
      await caller.time.advance(50);
      await until(() => participant.streams.length === n);
      await turns();
    }
  });

  it('gives up a participant that says no Hello on a connection that is there, as one that offers no stream', async () => {
    const participant = await new ScriptedParticipant(() => undefined).start();
    const caller = new Caller();
    const call = caller.call(participant.target);
    await until(() => participant.streams.length === 1);
    await caller.time.advance(10_000);
    await call;
    await until(() => participant.stream.ended);
    await turns();
    for (let n = 0; n < 20; n++) {
      await caller.call(participant.target);
      await caller.time.advance(10_000);
    }
    expect(participant.streams).toHaveLength(1);
    expect(caller.time.pending).toBe(0);
  });

  it('L1: learns nothing of what is offered from a connection that never came about', async () => {
    let connections = 0;
    const sockets: Socket[] = [];
    const silent = createServer((socket) => {
      connections++;
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const caller = new Caller();
    const target = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    void caller.call(target, { deadlineMs: 60_000 });
    await until(() => connections === 1);
    for (let n = 2; n <= 4; n++) {
      await caller.time.advance(10_000);
      await turns();
      void caller.call(target, { deadlineMs: 60_000 });
      await caller.time.advance(1_000);
      // One more for each stream, and one for the unary calls.
      await until(() => connections === n + 1);
    }
    caller.channels.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });
});
