/** The composition root: builds every part and wires them. The only file that sees all layers. */
import {
  type Clock,
  type Random,
  type Scheduler,
  TercetError,
  type Timer,
  newGid,
  newRunId,
} from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import type { Config } from './config/fields';
import { resolveConfig } from './config/resolve-config';
import { Engine, type EngineLimits } from './engine/engine';
import type { CoordinatorInterceptor } from './engine/interceptors';
import type { RetentionSettings } from './engine/retention';
import { Lives } from './engine/lives';
import { type Logger, silentLogger } from './observability/logger';
import { GrpcParticipantCaller } from './participant/grpc-participant-caller';
import { hostAddresses } from './participant/host-addresses';
import type { ParticipantCaller } from './participant/participant-caller';
import { OperatorService } from './service/operator-service';
import { OwnListeners } from './service/own-listeners';
import { TransactionService } from './service/transaction-service';
import { UnprotectedTargets } from './service/unprotected-targets';
import type { Store } from './store/store';
import { storeOf } from './store-of';
import { GrpcServer } from './transport/grpc/grpc-server';
import { HttpServer } from './transport/http/http-server';

/** Everything may be left out; the defaults are those of `tercet server`. */
export interface CoordinatorOptions {
  /** Settings that differ from the defaults. */
  readonly config?: Partial<Config>;
  /** Default: nothing is logged. */
  readonly logger?: Logger;
  /** Default: the machine's wall clock. */
  readonly clock?: Clock;
  /** Default: the machine's timers. */
  readonly scheduler?: Scheduler;
  /** Default: the machine's randomness. */
  readonly random?: Random;
  /** Default: the store that the settings name. The coordinator opens and closes it. */
  readonly store?: Store;
  /** Default: gRPC. The coordinator closes it. */
  readonly caller?: ParticipantCaller;
  /** Hooks around decisions, attempts and stuck branches, the outermost first. Default: none. */
  readonly interceptors?: readonly CoordinatorInterceptor[];
}

/** What a started coordinator tells. */
export interface Started {
  /** Ports that are listened on; `httpPort` is undefined where HTTP is off. */
  readonly grpcPort: number;
  readonly httpPort: number | undefined;
  /**
   * Unfinished transactions that were found in the store and go on. Where coordinators share the store that is found out in the
   * background, and logged: 0.
   */
  readonly resumed: number;
}

/** Of the grace, what is kept for closing connections and store; half of it where it is short. */
const CLOSING_MS_MAX = 1_000;
/** Time in which the last answers leave their connections, milliseconds. */
const FLUSH_MS = 250;

/** A coordinator: gRPC in, decisions into the store, Confirm and Cancel out. */
export class Coordinator {
  readonly config: Config;
  /** What the wire calls, for clients in the same process. Serves from `start` to `stop`. */
  readonly transactions: TransactionService;
  private readonly store: Store;
  private readonly caller: ParticipantCaller;
  private readonly lives: Lives;
  private readonly grpc: GrpcServer;
  private readonly http: HttpServer;
  private readonly own = new OwnListeners();
  private readonly logger: Logger;
  private readonly scheduler: Scheduler;
  private state: 'new' | 'starting' | 'serving' | 'stopping' | 'stopped' = 'new';
  private starting: Promise<Started> | undefined;
  private stopped: Promise<void> | undefined;

  constructor(options: CoordinatorOptions = {}) {
    const clock = options.clock ?? systemClock;
    const scheduler = options.scheduler ?? systemScheduler;
    const random = options.random ?? systemRandom;
    this.config = { ...resolveConfig(), ...options.config };
    this.scheduler = scheduler;
    this.logger = options.logger ?? silentLogger;
    this.store = options.store ?? storeOf(this.config, { clock, scheduler, random });
    const { deliver } = this.config;
    this.caller =
      options.caller ?? new GrpcParticipantCaller({ deliver, clock, scheduler, random });
    const serving = (): void => this.grpc.setServing(this.readiness().ready);
    this.lives = new Lives({
      store: this.store,
      scheduler,
      random,
      logger: this.logger,
      newIncarnation: () => newGid(clock, random),
      newEngine: (incarnation, onDoubt) =>
        new Engine({
          store: this.store,
          caller: this.caller,
          clock,
          scheduler,
          random,
          logger: this.logger,
          limits: limitsOf(this.config),
          clockSkewMs: this.config.clockSkewMs,
          incarnation,
          nodeTtlMs: this.config.nodeTtlMs,
          retention: retentionOf(this.config),
          interceptors: options.interceptors,
          onTrouble: serving,
          onDoubt,
        }),
      onChange: serving,
    });
    const { present } = this.lives;
    const unprotected = new UnprotectedTargets({ resolve: hostAddresses, logger: this.logger });
    this.transactions = new TransactionService(present, clock, {
      isOwn: this.own.includes,
      onRegistered: (branches) => unprotected.note(branches),
    });
    this.grpc = new GrpcServer({
      transactions: this.transactions,
      operator: new OperatorService(present, clock),
      clock,
      scheduler,
      clockSkewMs: this.config.clockSkewMs,
      report: (error) => {
        const id = newRunId(random).slice(0, 12);
        this.logger.error({ errorId: id, err: error }, 'unexpected error');
        return id;
      },
    });
    this.http = new HttpServer({ readiness: () => this.readiness() });
  }

  /** Opens the store, takes over what is unfinished, listens. Rejects with a TercetError that says what to mend. */
  async start(): Promise<Started> {
    if (this.state !== 'new') throw new Error('bug: a coordinator starts once');
    this.state = 'starting';
    this.starting = this.open();
    try {
      const started = await this.starting;
      if (this.stopped !== undefined) throw new TercetError('SHUTTING_DOWN');
      this.state = 'serving';
      this.grpc.setServing(this.readiness().ready);
      return started;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** How many unfinished transactions are in memory. */
  get residentCount(): number {
    return this.lives.present.engine?.residentCount ?? 0;
  }

  private async open(): Promise<Started> {
    const { resumed } = await this.lives.start();
    const grpcPort = await this.grpc.listen(this.config.grpcAddress);
    this.own.add(this.config.grpcAddress, grpcPort);
    const off = this.config.httpAddress === 'off';
    const httpPort = off ? undefined : await this.http.listen(this.config.httpAddress);
    if (httpPort !== undefined) this.own.add(this.config.httpAddress, httpPort);
    return { grpcPort, httpPort, resumed };
  }

  /**
   * Takes no new calls, ends running ones, makes durable what is known, and leaves no handle. Takes at most the
   * shutdown grace. Repeating is safe.
   */
  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    // What is half started ends after it has started: nothing may listen or hold the store when this is over.
    await this.starting?.catch(() => undefined);
    this.state = 'stopping';
    const drained = this.grpc.drain();
    // What comes after the engine fits into the grace, too: whoever sent the signal kills at its end.
    const { shutdownGraceMs } = this.config;
    const graceMs = shutdownGraceMs - Math.min(CLOSING_MS_MAX, shutdownGraceMs / 2);
    const grace = this.sleep(graceMs);
    // The engine releases those who wait; their answers leave before the connections end.
    await this.lives.stop(graceMs);
    await Promise.race([this.grpc.answered(), grace.over]);
    grace.cancel();
    // Streams that never end, a health Watch among them, get no more than the time in which answers leave.
    const flush = this.sleep(FLUSH_MS);
    await Promise.race([drained, flush.over]);
    flush.cancel();
    this.grpc.close();
    await drained;
    await this.http.close();
    this.caller.close();
    await this.store.close();
    this.state = 'stopped';
  }

  private sleep(ms: number): { readonly over: Promise<void>; cancel(): void } {
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => {
      timer = this.scheduler.after(ms, resolve);
    });
    return { over, cancel: () => timer?.cancel() };
  }

  private readiness(): { readonly ready: boolean; readonly reason: string } {
    if (this.state !== 'serving') return { ready: false, reason: this.state };
    const { engine } = this.lives.present;
    if (engine === undefined) return { ready: false, reason: 'begins anew: taken for dead' };
    const trouble = engine.storeTrouble;
    if (trouble !== undefined) return { ready: false, reason: `store: ${trouble}` };
    return { ready: true, reason: '' };
  }
}

function retentionOf(config: Config): RetentionSettings | undefined {
  const { retentionMs, idempotencyWindowMs, retainRows } = config;
  return retentionMs === 'off' ? undefined : { retentionMs, idempotencyWindowMs, retainRows };
}

function limitsOf(config: Config): EngineLimits {
  const { batchOperationsMax, batchBytesMax, queueOperationsMax, queueBytesMax } = config;
  const { targetConcurrencyMax, targetUnfinishedMax, undecidedMax } = config;
  const { residentMax, payloadCacheBytesMax } = config;
  return {
    batchOperationsMax,
    batchBytesMax,
    queueOperationsMax,
    queueBytesMax,
    targetConcurrencyMax,
    targetUnfinishedMax,
    undecidedMax,
    residentMax,
    payloadCacheBytesMax,
  };
}
