/** A client on fakes and a virtual clock, and promises that can be looked at without awaiting them. */
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import {
  type ResultOption,
  type RunOptions,
  type RunResult,
  type Tercet,
  type TercetOptions,
  type TransactionContext,
  createTercet,
  defineTcc,
} from '@tercet/sdk';
import { ScriptedCaller, ScriptedCoordinator } from './scripted-coordinator';
import { ShopTccService } from './shop-service';

/** The definition of the tests: reserve (deadline 2 s) and charge (3 s). */
export const shop = defineTcc(
  ShopTccService,
  {
    reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
    charge: {
      try: 'chargeTry',
      confirm: 'chargeConfirm',
      cancel: 'chargeCancel',
      deadlines: { try: '3s' },
    },
  },
  { deadlines: { try: '2s' } },
);

/** A promise and how it ended so far. */
export interface Observed<T> {
  ended: boolean;
  value: T | undefined;
  error: unknown;
}

export function observe<T>(promise: Promise<T>): Observed<T> {
  const observed: Observed<T> = { ended: false, value: undefined, error: undefined };
  promise.then(
    (value) => Object.assign(observed, { ended: true, value }),
    (error: unknown) => Object.assign(observed, { ended: true, error }),
  );
  return observed;
}

/** A promise that the test settles. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open: (value) => open(value) };
}

/** Everything a test of `run` needs. */
export class Scenario {
  readonly time = new ManualTime();
  readonly coordinator = new ScriptedCoordinator(this.time);
  readonly caller = new ScriptedCaller(this.time);
  readonly tercet: Tercet;

  constructor(options: Pick<TercetOptions, 'interceptors' | 'onWarning'> = {}) {
    this.tercet = createTercet({
      transport: this.coordinator,
      tryCaller: this.caller,
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(7),
      ...options,
    });
  }

  /** Starts a run named `checkout` with the gid `order-1`, 60 s. */
  run<T>(
    work: (tx: TransactionContext) => Promise<T> | T,
    options: Partial<RunOptions> & ResultOption<NoInfer<T>> = {},
  ): Observed<RunResult<T>> {
    return observe(this.tercet.run({ name: 'checkout', gid: 'order-1', ...options }, work));
  }

  /** Runs it to its end; the clock goes on as far as needed, at most ten minutes. */
  async outcome<T>(
    work: (tx: TransactionContext) => Promise<T> | T,
    options: Partial<RunOptions> & ResultOption<NoInfer<T>> = {},
  ): Promise<Observed<RunResult<T>>> {
    const observed = this.run(work, options);
    for (let i = 0; i < 6_000 && !observed.ended; i++) await this.time.advance(i === 0 ? 0 : 100);
    return observed;
  }
}

/** A proxy of the shop in a transaction. */
export function shopIn(
  tx: TransactionContext,
): ReturnType<typeof tx.use<typeof ShopTccService, typeof shop.methodNames>> {
  return tx.use(shop, { target: 'shop:1' });
}

export const item = { sku: 'tea', quantity: 1 };
export const bill = { account: 'ann', cents: 250 };
