/** A coordinator, an initiator and a participant, all real, whose connections break where a test says. */
import { type ManualTime, SeededRandom } from '@tercet/core/testing';
import { Coordinator, type CoordinatorInterceptor } from '@tercet/coordinator';
import { type Tercet, TransactionCancelledError, createTercet } from '@tercet/sdk';
import type { Gid } from '@tercet/core';
import { Books } from './books';
import { type BreakingOptions, type BreakingPath, aBreakingPath } from './breaking-path';
import { afterTest } from './clean-up';
import { GatedStore } from './race/gated-store';

/** How a site differs. */
export interface SiteOptions extends BreakingOptions {
  /** Whether the participant has a barrier. Default false. */
  readonly barrier?: boolean;
  /** Of the jitter. Default 1. */
  readonly seed?: number;
  /** The clock of coordinator and participant. Default: the machine's. */
  readonly time?: ManualTime;
  /** The clock of the initiator. Default: the machine's. */
  readonly initiatorTime?: ManualTime;
}

/** A run of a test. */
export interface RunSpec {
  /** Happens when the Tries have succeeded. */
  readonly then?: () => void;
  /** Whether the callback throws then. Default false. */
  readonly changedMind?: boolean;
  /** Tries of two branches, which are registered together. Default: one. */
  readonly two?: boolean;
  /** How long `run` waits for phase two. Default 20 s. */
  readonly phaseTwoWaitMs?: number;
}

/** What became of a transaction, by everybody who knows of it. */
export interface Fate {
  /** How `run` ended: confirmed or cancelled, and by what. */
  readonly told: string;
  readonly stored: string | undefined;
  /** Decisions that the coordinator told its hooks. */
  readonly decisions: readonly string[];
  readonly calls: readonly string[];
  readonly attempts: readonly number[];
  readonly effects: string;
}

/** Everything of one test. */
export class Site {
  readonly store = new GatedStore();
  /** How much faster clocks go than the machine's, where they are not that. */
  pace = 1;
  /** Kinds of decisions, by gid. */
  private readonly decisions = new Map<string, string[]>();
  private readonly told = new Map<string, string>();

  constructor(
    readonly books: Books,
    readonly toBooks: BreakingPath,
  ) {}

  toCoordinator!: BreakingPath;
  tercet!: Tercet;

  async start(options: SiteOptions): Promise<void> {
    const { seed = 1, time, initiatorTime } = options;
    if (time !== undefined) this.keepGoing(time);
    if (initiatorTime !== undefined) this.keepGoing(initiatorTime);
    const watching: CoordinatorInterceptor = {
      decision: ({ gid, decision }, next) => {
        this.decisions.set(gid, [...(this.decisions.get(gid) ?? []), decision]);
        next();
      },
    };
    const coordinator = new Coordinator({
      config: { grpcAddress: '127.0.0.1:0', httpAddress: 'off', store: 'memory' },
      store: this.store,
      interceptors: [watching],
      random: new SeededRandom(seed),
      ...(time && { clock: time, scheduler: time }),
    });
    const { grpcPort } = await coordinator.start();
    afterTest(() => coordinator.stop());
    this.toCoordinator = await aBreakingPath(`127.0.0.1:${grpcPort}`, options);
    this.tercet = createTercet({
      coordinator: this.toCoordinator.address,
      random: new SeededRandom(seed + 1),
      ...(initiatorTime && { clock: initiatorTime, scheduler: initiatorTime }),
    });
    afterTest(() => this.tercet.close());
  }

  /** A transaction from its beginning to its end; afterwards every stream of the site is open, and in use. */
  async warmUp(): Promise<void> {
    await this.run('warm-up');
    await this.tercet.wait('warm-up', { for: 'settled' });
    const { called } = this.books;
    const ofStreams = called.filter((path) => path === '/tercet.v1.Participant/Deliver');
    if (ofStreams.length !== 2 || called.length !== 2) throw new Error(`called: ${called.join()}`);
  }

  /** One run. Never rejects. */
  async run(gid: string, spec: RunSpec = {}): Promise<void> {
    const { then, changedMind = false, two = false, phaseTwoWaitMs = 20_000 } = spec;
    const run = this.tercet.run({ name: 'buy', gid, phaseTwoWaitMs }, async (tx) => {
      const actions = tx.use(this.books.actions, { target: this.toBooks.address });
      const charged = two ? actions.charge({ account: 'a', cents: 1 }) : undefined;
      await actions.reserve({ sku: 'tea', quantity: 1 });
      await charged;
      then?.();
      if (changedMind) throw new ChangedMind();
    });
    this.told.set(
      gid,
      await run.then(
        ({ status }) => (status === 'confirming' ? 'confirmed' : status),
        ({ constructor, cause }: Error) =>
          constructor === TransactionCancelledError
            ? `cancelled: ${(cause as Error).constructor.name}`
            : constructor.name,
      ),
    );
  }

  /** What became of it, when it is settled. */
  async fateOf(gid: string): Promise<Fate> {
    await this.tercet.wait(gid, { for: 'settled', timeout: '30s' });
    const { calls, attempts, ledger } = this.books.of(gid);
    return {
      told: this.told.get(gid) ?? 'nothing',
      stored: (await this.store.load(gid as Gid))?.status,
      decisions: this.decisions.get(gid) ?? [],
      calls,
      attempts,
      effects: ledger.tell('1'),
    };
  }

  /** Gids of transactions that have not ended. */
  async unfinished(): Promise<readonly string[]> {
    const { transactions } = await this.store.list({
      statuses: ['trying', 'confirming', 'cancelling'],
      name: undefined,
      gidPrefix: undefined,
      limit: 100,
      cursor: undefined,
    });
    return transactions.map(({ gid }) => gid);
  }

  private keepGoing(time: ManualTime): void {
    let last = Date.now();
    let over = false;
    afterTest(() => void (over = true));
    const go = async (): Promise<void> => {
      while (!over) {
        await new Promise((resolve) => setImmediate(resolve));
        const passed = Date.now() - last;
        last += passed;
        await time.advance(passed * this.pace);
      }
    };
    void go();
  }
}

/** A callback that wants no commit after all. */
export class ChangedMind extends Error {}

/** A site; everything ends after the test. */
export async function aSite(options: SiteOptions = {}): Promise<Site> {
  const books = await new Books(options).start();
  const site = new Site(books, await aBreakingPath(books.address, options));
  await site.start(options);
  return site;
}
