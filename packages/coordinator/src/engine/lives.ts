/**
 * The lives of one process on its store: each is an incarnation with an engine of its own.
 *
 * V1 A life that another node has taken for dead is over at once: its engine is given up, with all that it remembers.
 * V2 The next one begins on the store, closed and opened again under a new name, as soon as that works; it is tried for ever.
 * V3 Between two lives nothing is answered but "send it again".
 * V4 Where rows may have become ours that nothing shows, a new life is begun, too: then they belong to no live node.
 */
import { type Random, type Scheduler, type Timer, nextDelayMs } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { Store, StoreFailure } from '../store/store';
import type { Engine } from './engine';
import { PresentEngine } from './present-engine';

/** What lives need. */
export interface LivesDeps {
  readonly store: Pick<Store, 'open' | 'close' | 'nodes'>;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  /** A name that was never used. */
  readonly newIncarnation: () => string;
  /** An engine that was not started yet. `onDoubt` = rows may be its that it does not know of. */
  readonly newEngine: (incarnation: string, onDoubt: (failure: StoreFailure) => void) => Engine;
  /** A life has ended or begun: told after it. */
  readonly onChange: () => void;
}

interface Life {
  readonly incarnation: string;
  readonly engine: Engine;
}

/** A closed store ends all that it was asked; one that does not is not waited for longer. */
const QUIET_MS_MAX = 5_000;
const retryDelays = { firstDelayMs: 100, maxDelayMs: 5_000 };

/** Goes from life to life until it is stopped. */
export class Lives {
  /** The engine of the present life. */
  readonly present = new PresentEngine();
  /** The first one is there before its store is opened: what is wrong with it shows at once. */
  private life: Life;
  private begun = false;
  private ended = false;
  /** Set while the next life is on its way. */
  private renewing: Promise<void> | undefined;
  private pause: { readonly timer: Timer; readonly over: () => void } | undefined;

  constructor(private readonly deps: LivesDeps) {
    this.life = this.newLife();
    deps.store.nodes?.listen({
      onGone: () => this.present.engine?.nodeGone(),
      onRemoved: () => this.removed(),
    });
  }

  /** Begins the first life. Rejects with the store's TercetError where it cannot. */
  async start(): Promise<{ readonly resumed: number }> {
    return await this.begin();
  }

  /** Ends the present life in good order, within `graceMs`; another one does not begin. The store is left as it is. */
  async stop(graceMs: number): Promise<void> {
    this.ended = true;
    this.wake();
    await this.renewing;
    await this.life.engine.stop(graceMs);
  }

  private newLife(): Life {
    const incarnation = this.deps.newIncarnation();
    const onDoubt = (failure: StoreFailure): void => this.doubted(engine, failure);
    const engine = this.deps.newEngine(incarnation, onDoubt);
    return { incarnation, engine };
  }

  private async begin(): Promise<{ readonly resumed: number }> {
    const { life } = this;
    // Who is taken for dead before it could begin is told so meanwhile.
    this.begun = true;
    await this.deps.store.open(life.incarnation);
    const started = await life.engine.start();
    if (this.begun) this.present.engine = life.engine;
    return started;
  }

  /** V1 */
  private removed(): void {
    const { incarnation } = this.life;
    this.deps.logger.error(
      { alert: 'P1', incarnation },
      'another coordinator took this one for dead; it gives up what it owned and begins anew',
    );
    this.over();
  }

  /** V4 */
  private doubted(engine: Engine, err: StoreFailure): void {
    if (engine !== this.life.engine) return;
    const { incarnation } = this.life;
    this.deps.logger.warn(
      { incarnation, err },
      'a takeover is in doubt; this coordinator begins anew',
    );
    this.over();
  }

  private over(): void {
    this.begun = false;
    this.present.engine = undefined;
    this.life.engine.giveUp();
    this.deps.onChange();
    if (this.ended || this.renewing !== undefined) return;
    this.renewing = this.renew().finally(() => (this.renewing = undefined));
  }

  /** V2 */
  private async renew(): Promise<void> {
    const { logger, store } = this.deps;
    for (let attempt = 1; !this.ended; attempt++) {
      try {
        await store.close();
        // What the last life had asked must not be carried out under the next one's name.
        await Promise.race([this.life.engine.quiet(), this.sleep(QUIET_MS_MAX)]);
        this.wake();
        if (this.ended) return;
        this.life = this.newLife();
        await this.begin();
        // Removed once more before it had begun: the next one, then.
        if (!this.begun) continue;
        logger.info({ incarnation: this.life.incarnation }, 'serving again as another incarnation');
        return this.deps.onChange();
      } catch (err) {
        logger.warn({ err }, 'not begun anew yet');
        this.life.engine.giveUp();
        await this.sleep(nextDelayMs(retryDelays, attempt, this.deps.random));
      }
    }
  }

  private async sleep(ms: number): Promise<void> {
    if (this.ended) return;
    await new Promise<void>((over) => {
      this.pause = { timer: this.deps.scheduler.after(ms, over), over };
    });
  }

  private wake(): void {
    this.pause?.timer.cancel();
    this.pause?.over();
    this.pause = undefined;
  }
}
