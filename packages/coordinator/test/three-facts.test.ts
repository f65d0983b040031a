/**
 * The three facts of a decision, and what a client may be told of them after a crash.
 *
 * decided: durable, it never changes. executed: every branch has answered OK, as memory knows it: after a crash it may
 * fall back to decided. settled: the completion is durable.
 */
import { describe, expect, it } from '@jest/globals';
import {
  type BranchId,
  type Fact,
  type Gid,
  type GlobalTransaction,
  factReached,
  facts,
} from '@tercet/core';
import { aBranchSpec } from '@tercet/core/testing';
import type { CoordinatorInterceptor } from '../src/engine/interceptors';
import { TransactionService } from '../src/service/transaction-service';
import { EngineWorld, run } from './support/engine-world';
import { ok } from './support/scripted-caller';

const gid = 'order-1' as Gid;
const branchIds = ['1', '2'] as BranchId[];
const specs = branchIds.map((id, i) => aBranchSpec({ id, payload: Uint8Array.of(7, i, 255) }));
const call = { expiresAt: undefined, signal: new AbortController().signal };
const rideMs = 20;

type Kind = 'commit' | 'rollback';
const kinds: readonly Kind[] = ['commit', 'rollback'];
const phaseOf = { commit: 'confirm', rollback: 'cancel' } as const;
const openOf = { commit: 'confirming', rollback: 'cancelling' } as const;
const endOf = { commit: 'confirmed', rollback: 'cancelled' } as const;

/** What a client was told last. */
interface Told {
  readonly status: string;
  readonly reached: Fact | undefined;
}

function told(tx: GlobalTransaction): Told {
  return { status: tx.status, reached: factReached(tx) };
}

/** A coordinator with one transaction whose Tries are done. */
class Clients {
  readonly world: EngineWorld;

  constructor(interceptors: readonly CoordinatorInterceptor[] = []) {
    this.world = new EngineWorld({}, interceptors);
  }

  async open(): Promise<this> {
    await this.world.start();
    await this.world.open(gid, specs);
    return this;
  }

  /** The service of the present life, as every transport asks it. */
  private get service(): TransactionService {
    return new TransactionService(this.world.engine, this.world.time, {
      isOwn: () => false,
      onRegistered: () => undefined,
    });
  }

  /** Commit or Rollback that waits for a fact. */
  decide(kind: Kind, fact?: Fact, waitMs = 60_000): Promise<Told> {
    const wish = { gid, runId: run, wait: { fact, waitMs } };
    if (kind === 'commit') {
      return this.service.commit({ ...wish, branchIds, result: undefined }, call).then(told);
    }
    const tries = new Map(branchIds.map((id) => [id, 'done' as const]));
    return this.service.rollback({ ...wish, reason: 'no', tries }, call).then(told);
  }

  /** WaitTransaction. */
  async wait(fact: Fact, waitMs = 60_000): Promise<Told> {
    const { tx } = await this.service.wait({ gid, fact, waitMs, withResult: false }, call);
    return told(tx);
  }

  /** GetTransaction. */
  async get(): Promise<Told> {
    return told((await this.world.done(this.service.get({ gid, withResult: false }))).tx);
  }

  /** From now on calls of both branches stay open until `answer`. */
  holdCalls(): void {
    for (const id of branchIds) this.world.caller.always(id, 'hold');
  }

  /** Answers every call that is open. */
  async answer(): Promise<void> {
    for (const { reply } of this.world.caller.held.splice(0)) reply(ok);
    await this.world.time.settle();
  }

  /** Kinds of calls that left in this life, with what they carried. */
  get calls(): readonly unknown[] {
    return this.world.caller.calls.map(({ context, payload, method }) => {
      const { runId, branchId, phase } = context;
      return { runId, branchId, phase, method, payload: [...payload] };
    });
  }

  /** The other decision is refused, and so it stays. */
  async refusesOther(kind: Kind, status: string): Promise<void> {
    const other = kind === 'commit' ? 'rollback' : 'commit';
    await expect(this.world.done(this.decide(other))).rejects.toMatchObject({
      code: 'WRONG_STATUS',
      details: { status },
    });
  }
}

/** A promise's answer as soon as it is there. */
function heard(work: Promise<Told>): { readonly answers: Told[] } {
  const answers: Told[] = [];
  work.then(
    (answer) => answers.push(answer),
    () => undefined,
  );
  return { answers };
}

describe.each(kinds)('waiting for what a %s brings', (kind) => {
  it('is answered when the fact holds, not before: in the command and by WaitTransaction', async () => {
    const clients = await new Clients().open();
    const { world } = clients;
    clients.holdCalls();
    const release = world.store.holdNext();
    const waits = facts.map((fact) => ({
      fact,
      ways: [heard(clients.decide(kind, fact)), heard(clients.wait(fact))],
    }));
    const bare = heard(clients.decide(kind));
    const answered = (): unknown =>
      waits.flatMap(({ fact, ways }) =>
        ways.every(({ answers }) => answers.length === 1)
          ? [fact]
          : ways.some(({ answers }) => answers.length > 0)
            ? [`${fact}: one way only`]
            : [],
      );
    await world.time.settle();
    expect(answered()).toEqual([]);
    release();
    await world.time.settle();
    expect(answered()).toEqual(['decided']);
    expect(bare.answers).toEqual([{ status: openOf[kind], reached: 'decided' }]);
    world.caller.held.shift()?.reply(ok);
    await world.time.settle();
    expect(answered()).toEqual(['decided']);
    await clients.answer();
    expect(answered()).toEqual(['decided', 'executed']);
    await world.time.advance(rideMs);
    expect(answered()).toEqual(['decided', 'executed', 'settled']);
    const seen = waits.map(({ ways }) => ways.map(({ answers }) => answers[0]));
    const expected = [
      { status: openOf[kind], reached: 'decided' },
      { status: openOf[kind], reached: 'executed' },
      { status: endOf[kind], reached: 'settled' },
    ];
    expect(seen).toEqual(expected.map((each) => [each, each]));
    expect(world.time.pending).toBe(0);
  });

  it('ends with the present truth when its time is up', async () => {
    const clients = await new Clients().open();
    clients.holdCalls();
    const ways = [
      heard(clients.decide(kind, 'executed', 500)),
      heard(clients.wait('settled', 500)),
    ];
    await clients.world.time.advance(499);
    expect(ways.map(({ answers }) => answers)).toEqual([[], []]);
    await clients.world.time.advance(1);
    const present = { status: openOf[kind], reached: 'decided' };
    expect(ways.map(({ answers }) => answers)).toEqual([[present], [present]]);
  });

  it('is answered at once where the fact holds: a stronger one holds the weaker', async () => {
    const clients = await new Clients().open();
    await clients.world.done(clients.decide(kind, 'executed'));
    await clients.world.time.advance(rideMs);
    const end = { status: endOf[kind], reached: 'settled' };
    for (const fact of facts) {
      expect(await clients.world.done(clients.decide(kind, fact))).toEqual(end);
      expect(await clients.world.done(clients.wait(fact))).toEqual(end);
    }
    expect(clients.calls).toHaveLength(2);
  });
});

describe.each(kinds)('a crash before a %s is durable', (kind) => {
  it('has told nobody anything: the transaction is trying, and may be decided either way', async () => {
    for (const next of kinds) {
      const clients = await new Clients().open();
      clients.world.store.holdNext();
      const before = heard(clients.decide(kind, 'decided'));
      await clients.world.time.settle();
      expect(clients.calls).toEqual([]);
      await clients.world.crash();
      expect(before.answers).toEqual([]);
      expect(await clients.get()).toEqual({ status: 'trying', reached: undefined });
      await clients.world.done(clients.decide(next, 'executed'));
      await clients.world.time.advance(rideMs);
      expect(await clients.get()).toEqual({ status: endOf[next], reached: 'settled' });
      expect(clients.world.caller.story).toEqual([`${phaseOf[next]} 1`, `${phaseOf[next]} 2`]);
    }
  });

  it('but after its write took effect has told nobody, either; it stands, and a repeat hears of it', async () => {
    const clients = await new Clients().open();
    clients.world.store.failNext('unknown', { applied: true });
    const before = heard(clients.decide(kind, 'decided'));
    await clients.world.time.settle();
    expect([before.answers, clients.calls]).toEqual([[], []]);
    await clients.world.crash();
    await clients.refusesOther(kind, openOf[kind]);
    const repeated = await clients.world.done(clients.decide(kind, 'executed'));
    expect(repeated).toEqual({ status: openOf[kind], reached: 'executed' });
    expect(before.answers).toEqual([]);
    expect(clients.world.caller.story).toEqual([`${phaseOf[kind]} 1`, `${phaseOf[kind]} 2`]);
  });
});

describe.each(kinds)('a crash after a %s was told as decided, before any call', (kind) => {
  it('changes nothing about it: the next life calls every branch', async () => {
    let lives = 1;
    const stopped: CoordinatorInterceptor = {
      attempt: (_call, next) => (lives === 1 ? new Promise(() => undefined) : next()),
    };
    const clients = await new Clients([stopped]).open();
    const decided = await clients.world.done(clients.decide(kind, 'decided'));
    expect(decided).toEqual({ status: openOf[kind], reached: 'decided' });
    expect(clients.calls).toEqual([]);
    lives = 2;
    await clients.world.crash();
    await clients.refusesOther(kind, openOf[kind]);
    const executed = await clients.world.done(clients.wait('executed'));
    expect(executed).toEqual({ status: openOf[kind], reached: 'executed' });
    expect(clients.world.caller.story).toEqual([`${phaseOf[kind]} 1`, `${phaseOf[kind]} 2`]);
    await clients.world.time.advance(rideMs);
    expect(await clients.get()).toEqual({ status: endOf[kind], reached: 'settled' });
  });
});

describe.each(kinds)('a crash after a %s was told as executed, before that is durable', (kind) => {
  it('falls back to decided; every branch is called again with the same request, then it is settled', async () => {
    const clients = await new Clients().open();
    const executed = await clients.world.done(clients.decide(kind, 'executed'));
    expect(executed).toEqual({ status: openOf[kind], reached: 'executed' });
    const first = clients.calls;
    expect(first).toHaveLength(2);
    await crashHolding(clients);
    expect(await clients.get()).toEqual({ status: openOf[kind], reached: 'decided' });
    await clients.refusesOther(kind, openOf[kind]);
    expect(clients.calls).toEqual(first);
    const again = [heard(clients.decide(kind, 'executed')), heard(clients.wait('executed'))];
    const settled = heard(clients.wait('settled'));
    await clients.world.time.settle();
    expect(again.map(({ answers }) => answers)).toEqual([[], []]);
    await clients.answer();
    expect(again.map(({ answers }) => answers)).toEqual([[executed], [executed]]);
    expect(settled.answers).toEqual([]);
    await clients.world.time.advance(rideMs);
    const end = { status: endOf[kind], reached: 'settled' };
    expect(settled.answers).toEqual([end]);
    expect(await clients.get()).toEqual(end);
    expect(clients.calls).toEqual(first);
  });

  it('calls only the branches whose answer was not durable', async () => {
    const clients = await new Clients().open();
    clients.world.caller.always('2', 'hold');
    await clients.world.done(clients.decide(kind, 'decided'));
    // The first answer becomes durable by itself; the second one does not any more.
    await clients.world.time.advance(rideMs);
    await clients.answer();
    expect((await clients.get()).reached).toBe('executed');
    await crashHolding(clients);
    expect(await clients.get()).toEqual({ status: openOf[kind], reached: 'decided' });
    expect(clients.world.caller.story).toEqual([`${phaseOf[kind]} 2`]);
    await clients.answer();
    await clients.world.time.advance(rideMs);
    expect(await clients.get()).toEqual({ status: endOf[kind], reached: 'settled' });
  });

  it('does not fall back where the completion was written and only its answer was lost', async () => {
    const clients = await new Clients().open();
    await clients.world.done(clients.decide(kind, 'executed'));
    clients.world.store.failNext('unknown', { applied: true });
    const settled = heard(clients.wait('settled'));
    await clients.world.time.advance(rideMs);
    expect(settled.answers).toEqual([]);
    expect(await clients.world.crash()).toEqual({ resumed: 0 });
    expect(await clients.get()).toEqual({ status: endOf[kind], reached: 'settled' });
    expect(clients.calls).toEqual([]);
  });

  /** The participants of the next life answer when the test lets them. */
  async function crashHolding(clients: Clients): Promise<void> {
    const crashed = clients.world.crash();
    // The new life's caller is there before anything is called.
    clients.holdCalls();
    expect(await crashed).toEqual({ resumed: 1 });
    await clients.world.time.settle();
  }
});

describe.each(kinds)('a crash after a %s was told as settled', (kind) => {
  it('changes nothing: it is told again, from the store, and nobody is called', async () => {
    const clients = await new Clients().open();
    const settled = heard(clients.decide(kind, 'settled'));
    await clients.world.time.advance(rideMs);
    const end = { status: endOf[kind], reached: 'settled' };
    expect(settled.answers).toEqual([end]);
    expect(await clients.world.crash()).toEqual({ resumed: 0 });
    expect(await clients.get()).toEqual(end);
    for (const fact of facts) {
      expect(await clients.world.done(clients.decide(kind, fact))).toEqual(end);
      expect(await clients.world.done(clients.wait(fact))).toEqual(end);
    }
    await clients.refusesOther(kind, endOf[kind]);
    await clients.world.time.advance(60_000);
    expect(clients.calls).toEqual([]);
  });
});
