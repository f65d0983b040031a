/** What `createTestCoordinator` takes and gives. */
import type { Config, CoordinatorInterceptor, Logger } from '@tercet/coordinator';
import type { Clock, Scheduler } from '@tercet/core';
import type {
  AddTccOptions,
  Definitions,
  Duration,
  TccHandlers,
  Tercet,
  TransactionView,
} from '@tercet/sdk';
import type { Faults } from './faults/fault-script';
import type { RecordedCall } from './history';
import type { ClientOptions } from './initiator/test-client';
import type { AllowedLeaks } from './leaks';
import type { ExpectSettledOptions } from './outcome/settlement';
import type { ServedParticipant } from './participants/served';

/** Everything may be left out. */
export interface TestCoordinatorOptions {
  /**
   * Participants are called without sockets: only those of `env.serve`, their messages still encoded and decoded. Default
   * false: over real gRPC on loopback.
   */
  readonly inProcess?: boolean;
  /** Where virtual time starts, Unix ms. Default: the real time. */
  readonly startAt?: number;
  /** Of the random delays between retries: the same seed gives the same delays. Ids never repeat. Default 1. */
  readonly seed?: number;
  /** Settings of the coordinator that differ from the defaults of `tercet server`. */
  readonly settings?: Partial<Omit<Config, 'grpcAddress' | 'httpAddress' | 'store' | 'deliver'>>;
  /** Hooks of the coordinator: decisions, attempts, stuck branches. Default: none. */
  readonly interceptors?: readonly CoordinatorInterceptor[];
  /** Gets the coordinator's log. Default: nobody. */
  readonly logger?: Logger;
  /**
   * **Real** time for which virtual time waits for a running handler, or a callback of a run, that shows no sign of
   * life. After that virtual time passes it by, so that a handler that hangs meets its deadline. Default 2 s.
   */
  readonly patience?: Duration;
  /** Participants may be on clocks of their own; see docs/guide/testing.md. Default false: `advance` says so. */
  readonly foreignClocks?: boolean;
}

/** How a participant is served: the options of `addTcc` without its clock and timers, which are the test's. */
export type ServeOptions<
  Db,
  When extends NonNullable<AddTccOptions<Db>['cancelWhenTryUnknown']>,
> = Omit<AddTccOptions<Db, When>, 'clock' | 'scheduler' | 'deliver'> & {
  /** Port on loopback; 0 = a free one. To come back at the same address after `close`. Default 0. */
  readonly port?: number;
};

/** A coordinator in the test's own process, on a clock that the test moves. */
export interface TestCoordinator {
  /** A client of it on the virtual clock. `close` of the test coordinator closes it. */
  readonly tercet: Tercet;
  /** Another one, with interceptors of its own. */
  client(options?: ClientOptions): Tercet;
  /** `127.0.0.1:port`, where the coordinator serves gRPC: for tools. Clients of tests are `tercet` and `client()`. */
  readonly address: string;
  /** Virtual wall clock: for `addTcc({ clock, scheduler })`, barriers, and the test's own code. */
  readonly clock: Clock;
  /** Virtual timers. */
  readonly scheduler: Scheduler;
  /** What happens to calls on their way. */
  readonly faults: Faults;

  /**
   * Starts a participant on the virtual clock. Not repeatable for one port.
   *
   * @throws ConfigError as `addTcc`, and where the port is taken.
   */
  serve<
    const D extends Definitions,
    Db = undefined,
    When extends NonNullable<AddTccOptions<Db>['cancelWhenTryUnknown']> = 'skip',
  >(
    definitions: D,
    handlers: TccHandlers<D, Db, When>,
    options?: ServeOptions<Db, When>,
  ): Promise<ServedParticipant>;

  /**
   * Lets so much virtual time pass: every timer runs at its time, and between two of them everything that is under way
   * comes to rest. Resolves when the time has passed and everything rests.
   *
   * @throws ConfigError where the duration is none, another `advance` is running, the test coordinator is closed, the test
   *   runner's fake timers are on, or a participant is on another clock.
   */
  advance(by: Duration): Promise<void>;
  /** Lets virtual time pass until the promise settles, and gives its outcome. Throws as `advance`. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** Waits in virtual time; for handlers, callbacks of runs and tests that play them. */
  sleep(duration: Duration): Promise<void>;
  /**
   * Lets virtual time pass until the transaction is settled, and gives it. Rejects with an Error that tells the whole story
   * (branches, attempts, last errors, next attempts, every call) where it does not settle `within` the time, ends
   * otherwise than `status` says, or is parked. Throws as `advance` besides.
   */
  expectSettled(gid: string, options?: ExpectSettledOptions): Promise<TransactionView>;
  /** Every call of a transaction's participants, in the order in which they left. */
  history(gid: string): readonly RecordedCall[];
  /** Rejects with an Error that names unfinished transactions, runs, and handlers that still run. */
  expectNoLeaks(allow?: AllowedLeaks): Promise<void>;
  /**
   * Closes everything, then rejects where something was left behind: as {@link expectNoLeaks}, and timers on
   * {@link scheduler}. Repeating is safe and does nothing.
   */
  close(options?: { readonly allow?: AllowedLeaks }): Promise<void>;
}
