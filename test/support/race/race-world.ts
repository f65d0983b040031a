/**
 * A coordinator, a participant and an initiator on real gRPC, under clocks that stand still: every race is forced by
 * gates, by the order of calls, or by moving a clock; what is lost on the way is lost because a test says so.
 */
import {
  type BranchId,
  type BranchSpec,
  type Gid,
  type GlobalTransaction,
  type RunId,
  type TryOutcome,
} from '@tercet/core';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import { Coordinator } from '@tercet/coordinator';
import {
  type AddTccOptions,
  type Answer,
  type DecisionReply,
  type OwnResult,
  type RegisterReply,
  type RegisterRequest,
  type RunOptions,
  type RunResult,
  type Tercet,
  type TransactionCancelledError,
  type TransactionContext,
  type TransactionView,
  createTercet,
} from '@tercet/sdk';
import { afterTest } from '../clean-up';
import { Business, plain } from './business';
import { GatedStore } from './gated-store';
import { CoordinatorLine, PhaseTwoLine, TryLine } from './lossy-lines';

/** The transaction of every race. */
export const gid = 'order-1' as Gid;
/** What every Try asks for. */
export const order = { sku: 'tea', quantity: 1 };
/** Bounds of a command that a test sends by itself; none passes. */
const bounds = { deadlineMs: 20_000, signal: new AbortController().signal };
const noWait = { waitFor: 'decided', waitMs: 0 } as const;

/** How a race may differ. */
export interface RaceOptions {
  /** Default: handlers without a barrier, so the SDK's fence is on. */
  readonly participant?: AddTccOptions;
  /** How far the participant's clock is ahead of the coordinator's, milliseconds. Default 0. */
  readonly participantAheadMs?: number;
}

/** What became of a branch. */
export interface BranchEnd {
  readonly status: string;
  /** Kinds of the phase-two calls that left, whether or not they arrived. */
  readonly called: readonly string[];
  /** What the participant's ledger says. */
  readonly effects: string;
}

/** What became of a transaction. */
export interface End {
  readonly status: string;
  readonly branches: Readonly<Record<string, BranchEnd>>;
}

/** Everything of one race. */
export class RaceWorld {
  /** The clock of coordinator and participant. */
  readonly time = new ManualTime();
  /** The initiator's: years behind, and it does not pass where only the coordinator's does. */
  readonly own = new ManualTime(1_000_000_000_000);
  readonly store = new GatedStore();
  readonly tries = new TryLine();
  readonly business: Business;
  line!: CoordinatorLine;
  /** A second process that knows the run: a duplicate of the initiator, or a delayed packet of it. */
  twin!: CoordinatorLine;
  tercet!: Tercet;
  private readonly phaseTwoLines: PhaseTwoLine[] = [];
  private coordinator!: Coordinator;
  private port = 0;
  private over = false;

  constructor({ participant = {}, participantAheadMs = 0 }: RaceOptions) {
    const clock = { now: () => this.time.now() + participantAheadMs };
    this.business = new Business({ clock, ...participant });
  }

  async start(): Promise<void> {
    await this.business.start();
    await this.startAgain();
    this.line = new CoordinatorLine(`127.0.0.1:${this.port}`);
    this.twin = new CoordinatorLine(`127.0.0.1:${this.port}`);
    this.tercet = createTercet({
      transport: this.line,
      tryCaller: this.tries,
      clock: this.own,
      scheduler: this.own,
      random: new SeededRandom(5),
    });
  }

  /** Leaves nothing behind. */
  async end(): Promise<void> {
    const closed = this.tercet.close();
    // A run whose line is silent is given up after a second of its own clock.
    await this.own.advance(1_000);
    await this.done(closed);
    this.twin.close();
    await this.done(this.coordinator.stop());
    this.business.stop();
    this.over = true;
  }

  /** The coordinator's present line to participants. */
  get phaseTwo(): PhaseTwoLine {
    const line = this.phaseTwoLines.at(-1);
    if (line === undefined) throw new Error('not started');
    return line;
  }

  /** Every phase-two call that left, before and after a restart. */
  get phaseTwoLeft(): readonly string[] {
    return this.phaseTwoLines.flatMap(({ left }) => left);
  }

  /** Starts a run; nothing of it happens before a clock or `done` lets it. */
  run<T>(
    work: (tx: TransactionContext) => Promise<T>,
    options: Partial<RunOptions> = {},
  ): Promise<OwnResult<T>> {
    const run: Promise<RunResult<T>> = this.tercet.run({ name: 'race', gid, ...options }, work);
    run.catch(() => undefined);
    return run as Promise<OwnResult<T>>;
  }

  /** The actions of the participant in a run. */
  use(tx: TransactionContext, definition: typeof plain = plain) {
    return tx.use(definition, { target: this.business.address });
  }

  /** Resolves with what a run was rejected with. */
  cancelled(run: Promise<unknown>): Promise<TransactionCancelledError> {
    const error = run.then(
      () => {
        throw new Error('the run was not cancelled');
      },
      (thrown: unknown) => thrown as TransactionCancelledError,
    );
    return this.done(error);
  }

  /** Lets both clocks pass as the machine's does until `work` has ended. */
  done<T>(work: Promise<T>): Promise<T> {
    return this.pumped(work, async (ms) => {
      await this.time.advance(ms);
      await this.own.advance(ms);
    });
  }

  /** Lets everything happen that takes no time by the clocks, until `work` has ended. */
  still<T>(work: Promise<T>): Promise<T> {
    return this.pumped(work, async () => {
      await this.time.settle();
      await this.own.settle();
    });
  }

  /** The same, until something is so. */
  async until(check: () => boolean): Promise<void> {
    await this.still(this.noticed(check));
  }

  /** Both clocks pass until something is so. */
  async later(check: () => boolean): Promise<void> {
    await this.done(this.noticed(check));
  }

  /** Lets the coordinator's and the participant's clock pass to a moment; the initiator's stands still. */
  async reach(moment: number): Promise<void> {
    await this.time.advance(moment - this.time.now());
  }

  /** Ends the coordinator in order. */
  async stop(): Promise<void> {
    await this.coordinator.stop();
  }

  /** Starts another coordinator on the same store and port. */
  async startAgain(): Promise<void> {
    this.phaseTwoLines.push(new PhaseTwoLine());
    this.coordinator = new Coordinator({
      config: { grpcAddress: `127.0.0.1:${this.port}`, httpAddress: 'off', store: 'memory' },
      store: this.store,
      caller: this.phaseTwo,
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(3),
    });
    this.port = (await this.coordinator.start()).grpcPort;
  }

  /** One after the other. */
  async restart(): Promise<void> {
    await this.stop();
    await this.startAgain();
  }

  /** The run's first registration as it left. */
  get opened(): RegisterRequest {
    const { opened } = this.line;
    if (opened === undefined) throw new Error('nothing was registered');
    return opened;
  }

  /** The first registration once more, from the twin. */
  repeatRegistration(): Promise<Answer<RegisterReply>> {
    return this.twin.registerBranches(this.opened, bounds);
  }

  /** A branch more, of the same run, from the twin. */
  registerMore(id: string): Promise<Answer<RegisterReply>> {
    const { runId, branches } = this.opened;
    const spec: BranchSpec = { ...(branches[0] as BranchSpec), id: id as BranchId };
    return this.twin.registerBranches({ gid, runId, opening: undefined, branches: [spec] }, bounds);
  }

  /** The same run's Commit from the twin. */
  twinCommits(...ids: readonly string[]): Promise<Answer<DecisionReply>> {
    const branchIds = ids as readonly BranchId[];
    return this.twin.commit(
      { gid, runId: this.runId, branchIds, result: undefined, ...noWait },
      bounds,
    );
  }

  /** The same run's Rollback from the twin. */
  twinRollsBack(tries: Readonly<Record<string, TryOutcome>>): Promise<Answer<DecisionReply>> {
    const told = new Map(Object.entries(tries) as [BranchId, TryOutcome][]);
    const request = { gid, runId: this.runId, reason: 'twin', tries: told, ...noWait };
    return this.twin.rollback(request, bounds);
  }

  /** The transaction as the coordinator shows it; whatever was sent before has arrived by then. */
  async view(): Promise<TransactionView> {
    return await this.still(this.tercet.get(gid));
  }

  /** What the store holds. */
  async stored(): Promise<GlobalTransaction> {
    const tx = await this.store.load(gid);
    if (tx === undefined) throw new Error('nothing is stored');
    return tx;
  }

  /** Waits until it is settled, and tells what became of it. */
  async outcome(): Promise<End> {
    const view = await this.done(this.tercet.wait(gid, { for: 'settled', timeout: '10m' }));
    const branches = view.branches.map(({ branch, status }): [string, BranchEnd] => {
      const kinds = this.phaseTwoLeft.filter((call) => call.endsWith(` ${branch}`));
      const called = [...new Set(kinds.map((call) => call.split(' ')[0] ?? ''))];
      return [branch, { status, called, effects: this.business.ledger.tell(branch) }];
    });
    return { status: view.status, branches: Object.fromEntries(branches) };
  }

  private get runId(): RunId {
    return this.opened.runId;
  }

  /** Resolves when something is so; looks once in a turn of the event loop. */
  private async noticed(check: () => boolean): Promise<void> {
    while (!check()) {
      // A test that ran out of time must not go on for ever.
      if (this.over) throw new Error('the test is over');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private async pumped<T>(work: Promise<T>, step: (ms: number) => Promise<void>): Promise<T> {
    let ended = false;
    const note = (): void => void (ended = true);
    work.then(note, note);
    let last = Date.now();
    while (!ended) {
      if (this.over) throw new Error('the test is over');
      const now = Date.now();
      await step(Math.max(0, now - last));
      last = now;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return await work;
  }
}

/** A race, ready to start; everything ends after the test. */
export async function aRace(options: RaceOptions = {}): Promise<RaceWorld> {
  const world = new RaceWorld(options);
  await world.start();
  afterTest(() => world.end());
  return world;
}

/** What must have become of a transaction: every branch alike (I2), called with one kind of call only (I1). */
export function alike(
  status: 'confirmed' | 'cancelled',
  effects: Readonly<Record<string, string>>,
): End {
  const called = [status === 'confirmed' ? 'confirm' : 'cancel'];
  const branches = Object.entries(effects).map(([id, effect]): [string, BranchEnd] => {
    return [id, { status, called, effects: effect }];
  });
  return { status, branches: Object.fromEntries(branches) };
}
