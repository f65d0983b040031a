/**
 * The end of a coordinator's process: what it finishes, what it gives up, and that it is gone within its grace.
 * A test whose process hangs fails by its own time limit, far below the graces that say 5 minutes.
 */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Client, type MethodDefinition, credentials, status } from '@grpc/grpc-js';
import type { BranchView, CallContext, OwnResult, Tercet, TransactionView } from '@tercet/sdk';
import { createTercet } from '@tercet/sdk';
import { service as healthService } from 'grpc-health-check';
// eslint-disable-next-line import-x/no-relative-packages -- the coordinator's own test client
import { CoordinatorClient } from '../../packages/coordinator/test/support/coordinator-client';
// eslint-disable-next-line import-x/no-relative-packages -- the coordinator's own test client
import { HealthClient } from '../../packages/coordinator/test/support/health-client';
// eslint-disable-next-line import-x/no-relative-packages -- the coordinator's own test client
import { ReflectionClient } from '../../packages/coordinator/test/support/reflection-client';
import { aFolder, afterTest } from '../support/clean-up';
import { holdStore } from '../support/held-store';
import { plain } from '../support/race/business';
import { Gate } from '../support/race/gate';
import { ServerProcess } from '../support/server-process';
import { type Participant, aParticipant } from '../support/shop';

jest.setTimeout(60_000);

const gid = 'order-1';
const long = ['--shutdown-grace', '5m'];
/** Far beyond a grace of a second, far below the deadlines of calls and what a hanging store would take. */
const generousMs = 15_000;

/** A coordinator's process with a participant, and an initiator that outlives it. */
class Site {
  readonly dataDir = aFolder();
  server!: ServerProcess;
  participant!: Participant;
  tercet!: Tercet;

  async start(...flags: string[]): Promise<this> {
    this.participant = await aParticipant();
    this.server = await ServerProcess.start(this.dataDir, ...flags);
    this.tercet = createTercet({ coordinator: this.server.address });
    afterTest(() => this.tercet.close());
    return this;
  }

  /** Its next life, on the same data and the same port. */
  async again(...flags: string[]): Promise<ServerProcess> {
    const { address } = this.server;
    this.server = await ServerProcess.start(this.dataDir, '--grpc-address', address, ...flags);
    return this.server;
  }

  /** A transaction with one branch that is committed; does not wait for its Confirm. */
  buy(): Promise<OwnResult<unknown>> {
    const { target } = this.participant;
    const run = this.tercet.run({ name: 'buy', gid, phaseTwoWaitMs: 0 }, (tx) =>
      tx.use(plain, { target }).charge({ account: 'ann', cents: 30 }),
    );
    return run as Promise<OwnResult<unknown>>;
  }

  /** The same with a Confirm that stays; resolves when it is under way. */
  async buyHeld(): Promise<{ readonly gate: Gate; readonly calls: CallContext[] }> {
    const gate = new Gate();
    const calls: CallContext[] = [];
    this.participant.hooks.set('confirm charge', async (_, ctx) => {
      calls.push(ctx);
      await gate.pass();
    });
    afterTest(() => gate.open());
    await this.buy();
    await gate.reached;
    return { gate, calls };
  }

  settled(): Promise<TransactionView> {
    return this.tercet.wait(gid, { for: 'settled', timeout: '30s' });
  }

  get confirms(): number {
    return this.participant.story.filter((line) => line === 'confirm charge').length;
  }
}

/** A health Watch, as load balancers keep it open. */
class Watch {
  readonly seen: string[] = [];
  readonly ended: Promise<void>;
  private readonly hearing: (() => void)[] = [];

  constructor(address: string) {
    const client = new Client(address, credentials.createInsecure());
    afterTest(() => client.close());
    const watch = healthService['Watch'] as MethodDefinition<object, { status: string }>;
    const { path, requestSerialize, responseDeserialize } = watch;
    const ask = { service: '' };
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, ask);
    stream.on('data', (answer: { status: string }) => {
      this.seen.push(answer.status);
      for (const look of this.hearing) look();
    });
    this.ended = new Promise((resolve) => {
      stream.once('error', () => resolve());
      stream.once('end', () => resolve());
    });
  }

  /** Resolves when it has been told so. */
  async told(health: string): Promise<this> {
    await new Promise<void>((resolve) => {
      const look = (): void => (this.seen.includes(health) ? resolve() : undefined);
      this.hearing.push(look);
      look();
    });
    return this;
  }
}

let opened: { close(): void }[] = [];

/** Closed after the test. */
function closing<T extends { close(): void }>(one: T): T {
  opened.push(one);
  return one;
}

afterEach(() => {
  for (const one of opened) one.close();
  opened = [];
});

describe('SIGTERM', () => {
  it('lets a running Confirm end, keeps its answer, and refuses new work meanwhile; open streams hold nobody', async () => {
    const site = await new Site().start(...long);
    const { address } = site.server;
    const watch = await new Watch(address).told('SERVING');
    const reflection = closing(new ReflectionClient(address));
    expect(await reflection.services()).toContain('tercet.v1.Coordinator');
    const reflectionEnded = new Promise((resolve) => {
      reflection.stream.once('error', resolve);
      reflection.stream.once('end', resolve);
    });
    const client = closing(new CoordinatorClient(address));
    expect(
      await client.call('getTransaction', { gid: 'order-0', withResult: false }).catch(codeOf),
    ).toBe(status.NOT_FOUND);
    const { gate } = await site.buyHeld();
    site.server.signal('SIGTERM');
    await site.server.line('SIGTERM: stopping, at most 300 s');
    await watch.told('NOT_SERVING');
    await reflectionEnded;
    const refused = await client.refusal('commit', {
      gid,
      runId: 'ab'.repeat(16),
      branchIds: [],
      waitFor: 0,
      waitMs: 0,
    });
    expect(refused.status).toBe(status.UNAVAILABLE);
    expect(await closing(new HealthClient(address)).check('')).toBe('UNREACHABLE');
    expect(site.server.lines).not.toContain('stopped');
    gate.open();
    expect(await site.server.ended).toEqual({ code: 0, signal: null });
    expect(site.server.lines.at(-1)).toBe('stopped');
    await watch.ended;
    expect(watch.seen).toEqual(['SERVING', 'NOT_SERVING']);
    await site.again();
    expect(site.server.lines.join()).not.toContain('resumed');
    expect(attemptsOf(await site.settled())).toEqual([['confirmed', 1]]);
    expect(site.confirms).toBe(1);
  });

  it('gives up a Confirm that hangs, is gone within the grace, and the next life calls it again', async () => {
    const site = await new Site().start('--shutdown-grace', '1s');
    const { calls } = await site.buyHeld();
    const givenUp = new Promise((resolve) =>
      calls[0]?.signal.addEventListener('abort', resolve, { once: true }),
    );
    site.server.signal('SIGTERM');
    // The Confirm's own deadline is 30 s: only the grace can have ended it.
    expect(await site.server.endedWithin(generousMs)).toEqual({ code: 0, signal: null });
    await givenUp;
    site.participant.hooks.clear();
    await site.again();
    expect(site.server.lines).toContain('resumed 1 unfinished transaction');
    // An attempt that the coordinator gave up by itself says nothing about the participant: it does not count.
    expect(attemptsOf(await site.settled())).toEqual([['confirmed', 1]]);
    expect(site.confirms).toBe(2);
  });

  it('releases those who wait for a fact: their answer is the present truth', async () => {
    const site = await new Site().start('--shutdown-grace', '5s');
    await site.buyHeld();
    const client = closing(new CoordinatorClient(site.server.address));
    const wait = { gid, waitFor: 3, waitMs: 60_000, withResult: false };
    const first = await client.call('waitTransaction', { ...wait, waitMs: 0 });
    const waiting = client.call('waitTransaction', wait);
    // One connection keeps the order of its calls.
    await client.call('getTransaction', { gid, withResult: false });
    site.server.signal('SIGTERM');
    expect((await waiting).transaction).toMatchObject({ status: first.transaction?.status });
    expect(await site.server.ended).toEqual({ code: 0, signal: null });
  });

  it('ends although the store hangs; what was acknowledged is there, what was not is decided anew', async () => {
    const site = await new Site().start('--shutdown-grace', '1s');
    const { target } = site.participant;
    const release = new Gate();
    const run = site.tercet.run({ name: 'buy', gid, timeout: '50s' }, async (tx) => {
      await tx.use(plain, { target }).charge({ account: 'ann', cents: 30 });
      await release.pass();
    });
    run.catch(() => undefined);
    await release.reached;
    const { runId } = await site.tercet.get(gid);
    const giveBack = holdStore(site.dataDir);
    const client = closing(new CoordinatorClient(site.server.address));
    const commit = { gid, runId, branchIds: ['1'], waitFor: 0, waitMs: 0 };
    const unanswered = client.call('commit', commit).catch(codeOf);
    // One connection keeps the order of its calls: the commit waits for the store when this is answered.
    const { transaction } = await client.call('getTransaction', { gid, withResult: false });
    expect(transaction?.decidedUnixMs).toBe(0n);
    site.server.signal('SIGTERM');
    expect(await site.server.endedWithin(generousMs)).toEqual({ code: 0, signal: null });
    // Nobody answered: its connection was ended under it. Clients take both for "ask again".
    expect([status.UNAVAILABLE, status.CANCELLED]).toContain(await unanswered);
    expect(site.confirms).toBe(0);
    giveBack();
    await site.again();
    release.open();
    expect(await run).toMatchObject({ status: 'confirmed' });
    expect(attemptsOf(await site.settled())).toEqual([['confirmed', 1]]);
    expect(site.confirms).toBe(1);
  });

  it('a second time ends the process at once', async () => {
    const site = await new Site().start(...long);
    await site.buyHeld();
    site.server.signal('SIGTERM');
    await site.server.line('SIGTERM: stopping');
    site.server.signal('SIGTERM');
    expect(await site.server.ended).toEqual({ code: 130, signal: null });
    site.participant.hooks.clear();
    await site.again();
    expect((await site.settled()).status).toBe('confirmed');
  });
});

describe('SIGINT', () => {
  it('ends in order, as SIGTERM does', async () => {
    const site = await new Site().start(...long);
    const { gate } = await site.buyHeld();
    site.server.signal('SIGINT');
    await site.server.line('SIGINT: stopping');
    gate.open();
    expect(await site.server.ended).toEqual({ code: 0, signal: null });
    await site.again();
    expect(attemptsOf(await site.settled())).toEqual([['confirmed', 1]]);
    expect(site.confirms).toBe(1);
  });
});

function attemptsOf(view: TransactionView): unknown {
  return view.branches.map((branch: BranchView) => [branch.status, branch.attempts]);
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
