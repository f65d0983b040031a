/** Composition of the initiator: ports and defaults in, `Tercet` out. */
import {
  CallSignalSource,
  ReleasingMap,
  decisionOf,
  type Fact,
  facts,
  limits,
  parseGid,
  TercetError,
} from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { coordinatorAddresses } from './coordinator-address';
import type { CoordinatorTransport } from './coordinator/coordinator-transport';
import { type TimePorts, isPassing, repeat } from './coordinator/repeat';
import { waitForFact } from './coordinator/wait-for-fact';
import { deadlineIn } from './deadline';
import { millisecondsOf } from './duration';
import {
  ConfigError,
  CoordinatorUnavailableError,
  TransactionPendingError,
  TransactionStuckError,
} from './errors';
import { CoordinatorChannels } from './grpc/coordinator-channels';
import { GrpcCoordinatorTransport } from './grpc/grpc-coordinator-transport';
import { GrpcTryCaller } from './grpc/grpc-try-caller';
import { SessionTransport } from './grpc/session/session-transport';
import { type Joining, joining } from './joining';
import { checkTransport, namesOf, refuseUnknown } from './known-options';
import { checkLabels } from './labels';
import type { TercetInterceptor } from './interceptors';
import type { ResultOption, RunOptions, RunResult } from './run-options';
import { type Work, conductRun } from './run/run';
import type { RunDeps } from './run/run-env';
import { planRun } from './run/run-plan';
import type { GetOptions, Tercet, TercetOptions, WaitOptions } from './tercet';
import { carryHandlers } from './transaction-scope';
import type { TransactionView } from './transaction-view';

const COORDINATOR_DEFAULT = '127.0.0.1:8420';
const GET_TIMEOUT_MS_DEFAULT = 10_000;
const WAIT_TIMEOUT_MS_DEFAULT = 60_000;
const optionNames = namesOf<TercetOptions>({
  coordinator: true,
  tls: true,
  session: true,
  deliver: true,
  transport: true,
  tryCaller: true,
  interceptors: true,
  onWarning: true,
  clock: true,
  random: true,
  scheduler: true,
});
const getNames = namesOf<GetOptions>({ timeout: true, signal: true });
const waitNames = namesOf<WaitOptions>({ for: true, timeout: true, signal: true });
const tlsNames = namesOf<NonNullable<TercetOptions['tls']>>({ coordinator: true });
/** How long `close` lets undecided runs roll back. */
const CLOSE_MS = 1_000;

/**
 * Makes the initiator's client. Connects at the first call.
 *
 * @throws ConfigError where an option is malformed.
 */
export function createTercet(options: TercetOptions = {}): Tercet {
  return new TercetClient(options);
}

class TercetClient implements Tercet {
  private readonly deps: RunDeps;
  private readonly closing = new CallSignalSource();
  private readonly closed = new CallSignalSource();
  private readonly active = new ReleasingMap<number, Promise<unknown>>();
  private works = 0;

  constructor(options: TercetOptions) {
    refuseUnknown('createTercet', options, optionNames);
    const ports = {
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      scheduler: options.scheduler ?? systemScheduler,
    };
    const { deliver = 'auto' } = options;
    checkTransport('deliver', deliver);
    carryHandlers();
    this.deps = {
      ...ports,
      coordinator: transportOf(options, ports),
      caller: options.tryCaller ?? new GrpcTryCaller({ deliver, ...ports }),
      interceptors: checkedInterceptors(options.interceptors ?? []),
      onWarning: options.onWarning,
      closing: this.closing,
      closed: this.closed,
    };
  }

  /** For participants that got this client: their nested branches go through it. */
  get [joining](): Joining {
    return { deps: this.deps, track: (work) => this.tracked(work) };
  }

  run<T>(options: RunOptions & ResultOption<NoInfer<T>>, work: Work<T>): Promise<RunResult<T>> {
    return this.tracked(async () => {
      const plan = planRun(options, this.deps);
      checkLabels(options.labels);
      if (typeof work !== 'function') {
        throw new ConfigError('run needs a callback: tercet.run(options, async (tx) => { … })', {
          option: 'work',
        });
      }
      return conductRun(this.deps, plan, work);
    });
  }

  get(gid: string, options: GetOptions = {}): Promise<TransactionView> {
    return this.tracked(() => getTransaction(this.deps, gid, options));
  }

  wait(gid: string, options: WaitOptions = {}): Promise<TransactionView> {
    return this.tracked(() => waitTransaction(this.deps, gid, options));
  }

  async close(): Promise<void> {
    if (!this.closing.aborted) this.closing.abort(closedError());
    const timer = this.deps.scheduler.after(CLOSE_MS, () => this.closed.abort(closedError()));
    await Promise.allSettled(this.active.values());
    timer.cancel();
    this.deps.coordinator.close();
    this.deps.caller.close();
  }

  /** Remembers work until it ends, so that `close` can wait for it. */
  private tracked<T>(work: () => Promise<T>): Promise<T> {
    if (this.closing.aborted) return Promise.reject(closedError());
    const promise = work();
    const number = this.works++;
    this.active.set(number, promise);
    const forget = (): void => void this.active.delete(number);
    promise.then(forget, forget);
    return promise;
  }
}

function transportOf(options: TercetOptions, ports: TimePorts): CoordinatorTransport {
  const { coordinator = COORDINATOR_DEFAULT, tls = {}, session = 'auto' } = options;
  refuseUnknown('createTercet: tls', tls, tlsNames);
  const addresses = coordinatorAddresses('coordinator', coordinator);
  checkTransport('session', session);
  if (options.transport !== undefined) return options.transport;
  const { random } = ports;
  const channels = new CoordinatorChannels(addresses, { credentials: tls.coordinator, random });
  if (session === 'unary') return new GrpcCoordinatorTransport(channels);
  return new SessionTransport(channels, ports);
}

async function getTransaction(
  deps: RunDeps,
  text: string,
  options: GetOptions,
): Promise<TransactionView> {
  refuseUnknown('get', options, getNames);
  const gid = parseGid(text);
  const ms = timeoutOf(options.timeout ?? GET_TIMEOUT_MS_DEFAULT);
  const { answer } = await repeat(deps, {
    deadline: deadlineIn(deps.clock, ms),
    waitMs: 0,
    signals: [options.signal, deps.closing],
    again: isPassing,
    attempt: (bounds) => deps.coordinator.getTransaction({ gid, withResult: false }, bounds),
  });
  if (answer.kind === 'ok') return answer.reply.transaction;
  throw answer.kind === 'refused' ? answer.error : unanswered(gid, answer.error);
}

async function waitTransaction(
  deps: RunDeps,
  text: string,
  options: WaitOptions,
): Promise<TransactionView> {
  refuseUnknown('wait', options, waitNames);
  const gid = parseGid(text);
  const fact = factOf(options.for ?? 'executed');
  const ms = timeoutOf(options.timeout ?? WAIT_TIMEOUT_MS_DEFAULT);
  const end = await waitForFact(deps, {
    gid,
    fact,
    lookFirst: fact !== 'decided',
    deadline: deadlineIn(deps.clock, ms),
    signals: [options.signal, deps.closing],
  });
  switch (end.kind) {
    case 'holds':
      return end.view;
    case 'parked':
      throw new TransactionStuckError(
        gid,
        end.view.branches.filter((branch) => branch.parked),
      );
    case 'pending':
      throw new TransactionPendingError({
        gid,
        waitedFor: fact,
        decision: decisionOf(end.view.status),
        branches: end.view.branches.filter((branch) => branch.status === 'registered'),
      });
    case 'refused':
      throw end.error;
    case 'lost':
      throw unanswered(gid, end.error);
  }
}

function unanswered(gid: string, error: TercetError): TercetError {
  if (error.code === 'CALL_CANCELLED') return error;
  return new CoordinatorUnavailableError({
    message: error.message,
    gid,
    decided: 'unknown',
    cause: error,
  });
}

function timeoutOf(value: NonNullable<GetOptions['timeout']>): number {
  return millisecondsOf('timeout', value, { min: 1, max: limits.durationMsMax });
}

function factOf(fact: Fact): Fact {
  if (facts.includes(fact)) return fact;
  throw new ConfigError(`for must be one of ${facts.join(', ')}, got ${String(fact)}`, {
    option: 'for',
  });
}

function checkedInterceptors(
  interceptors: readonly TercetInterceptor[],
): readonly TercetInterceptor[] {
  // Callers in plain JavaScript pass anything; an interceptor may be any object, so that classes can keep state.
  const given: readonly unknown[] = Array.isArray(interceptors) ? interceptors : [undefined];
  if (given.every(isInterceptor)) return [...interceptors];
  throw new ConfigError(
    'interceptors must be a list of objects with the functions run, try or both',
    {
      option: 'interceptors',
    },
  );
}

function isInterceptor(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false;
  const hooks = [Reflect.get(given, 'run'), Reflect.get(given, 'try')].filter(
    (hook) => hook !== undefined,
  );
  return hooks.length > 0 && hooks.every((hook) => typeof hook === 'function');
}

function closedError(): TercetError {
  return new TercetError('CALL_CANCELLED', { message: 'this Tercet client was closed' });
}
