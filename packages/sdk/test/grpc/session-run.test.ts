/** What a run makes of sessions that break: everything unanswered is sent again, the same as before. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SessionCommand } from '@tercet/proto';
import { systemScheduler } from '@tercet/runtime';
import { addTcc, createTercet } from '@tercet/sdk';
import { startPeer } from '../support/grpc-peer';
import { shop } from '../support/scenario';
import { type Play, SessionServer, aMessage } from '../support/session-server';
import { aWireTransaction } from '../support/wire';

const opened: { stop?(): unknown; close?(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await (each.close ?? each.stop)?.call(each);
});

/** Registers and decides everything. */
const deciding: Play = ({ command }) => {
  const notAfterUnixMs = 4_000_000_000_000n;
  switch (command?.$case) {
    case 'register': {
      const branches = command.value.branches.map(({ branchId }) => ({ branchId, notAfterUnixMs }));
      return { $case: 'registered', value: { status: 1, remainingMs: 60_000, branches } };
    }
    case 'commit':
      return { $case: 'committed', value: { status: 3, reached: 3, pending: [] } };
    case 'rollback':
      return { $case: 'rolledBack', value: { status: 5, reached: 3, pending: [] } };
    default:
      return { $case: 'got', value: { transaction: aWireTransaction(), result: undefined } };
  }
};

async function site(server: SessionServer, session?: 'unary') {
  const participant = await startPeer((grpc) => {
    addTcc(grpc, shop, {
      reserve: { try: () => ({ reservationId: 'r' }), confirm: () => {}, cancel: () => {} },
      charge: { try: () => ({ chargeId: 'c', balance: 1 }), confirm: () => {}, cancel: () => {} },
      count: (_call, callback) => callback(null, { count: 0 }),
    });
  });
  const tercet = createTercet({ coordinator: server.address, ...(session && { session }) });
  opened.push(server, participant, tercet);
  const run = (gid = 'order-1', fail = false) =>
    tercet.run({ name: 'checkout', gid }, async (tx) => {
      const { reserve } = tx.use(shop, { target: participant.address });
      const { reservationId } = await reserve({ sku: 'tea', quantity: 1 });
      if (fail) throw new Error('changed my mind');
      return reservationId;
    });
  return { run };
}

/** The commands of a kind as they came, without the time, which is what is left of it. */
const contents = (server: SessionServer, name: string): readonly string[] =>
  server.commands
    .filter(({ command }) => command?.$case === name)
    .map(({ command }) =>
      JSON.stringify(command, (key, value: unknown) => (key === 'timeoutMs' ? undefined : value)),
    );

/** Ends the process at the n-th such command, and starts another in its place. */
function dyingAt(name: string, when: 'unanswered' | 'answered', server: () => SessionServer): Play {
  let died = false;
  return (command: SessionCommand, stream) => {
    const answer = deciding(command, stream);
    if (died || command.command?.$case !== name) return answer;
    died = true;
    if (when === 'answered') {
      stream.write(aMessage({ answers: [{ id: command.id, answer: answer ?? undefined }] }));
    }
    server().stop();
    void server().start();
    return undefined;
  };
}

describe('a run over a session that is lost', () => {
  it.each([
    ['register', 'unanswered'],
    ['commit', 'unanswered'],
    ['register', 'answered'],
    ['commit', 'answered'],
  ] as const)(
    'at its %s, %s, goes on: what was not answered is sent again unchanged',
    async (name, when) => {
      const server: SessionServer = new SessionServer(dyingAt(name, when, () => server));
      await server.start();
      const { run } = await site(server);
      expect(await run()).toMatchObject({ status: 'confirmed', value: 'r' });
      const sent = contents(server, name);
      expect(sent.length).toBeGreaterThanOrEqual(when === 'unanswered' ? 2 : 1);
      expect(new Set(sent).size).toBe(1);
      expect(server.unary).toEqual([]);
    },
  );

  it('before anything left, goes on when the coordinator is there', async () => {
    const server = await new SessionServer(deciding).start();
    server.stop();
    const { run } = await site(server);
    const end = run();
    await new Promise((resolve) => systemScheduler.after(200, () => resolve(undefined)));
    await server.start();
    expect(await end).toMatchObject({ status: 'confirmed' });
    expect(contents(server, 'register')).toHaveLength(1);
  });

  it('over and over, with many runs at once, decides each as its callback ended', async () => {
    let lossesLeft = 5;
    let starting: Promise<unknown> | undefined;
    const server: SessionServer = new SessionServer((command, stream) => {
      if (starting !== undefined) return undefined;
      if (lossesLeft === 0 || server.commands.length % 40 !== 0) return deciding(command, stream);
      lossesLeft -= 1;
      server.stop();
      starting = server.start().finally(() => (starting = undefined));
      return undefined;
    });
    await server.start();
    const { run } = await site(server);
    const runs = Array.from({ length: 100 }, (_, i) => run(`order-${i}`, i % 2 === 1));
    const ends = await Promise.allSettled(runs);
    expect(ends.map(({ status }) => status)).toEqual(
      ends.map((_, i) => (i % 2 === 1 ? 'rejected' : 'fulfilled')),
    );
    expect(lossesLeft).toBe(0);
    const decided = (name: string): ReadonlySet<string | undefined> =>
      new Set(contents(server, name).map((text) => /order-[0-9]+/.exec(text)?.[0]));
    expect(decided('commit').size).toBe(50);
    expect(decided('rollback').size).toBe(50);
    expect(new Set([...decided('commit'), ...decided('rollback')]).size).toBe(100);
  });
});

describe('the option session', () => {
  it('unary: opens no stream', async () => {
    const server = await new SessionServer(deciding).start();
    const { run } = await site(server, 'unary');
    expect(await run()).toMatchObject({ status: 'confirmed' });
    expect(server.streams).toEqual([]);
    expect(server.unary).toEqual(['register', 'commit']);
  });

  it('is auto or unary, and nothing else', () => {
    expect(() => createTercet({ session: 'stream' as 'auto' })).toThrow(
      "session must be 'auto' or 'unary', got stream",
    );
  });
});
