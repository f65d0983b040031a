/** Composition of a test coordinator: virtual time, memory store, and a wire that faults can act on. */
import { Coordinator, MemoryStore } from '@tercet/coordinator';
import type { Random } from '@tercet/core';
import { SeededRandom } from '@tercet/core/testing';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { ConfigError, currentTransaction } from '@tercet/sdk';
import { PhaseTwoCaller } from './calls/callers';
import { Exchange } from './calls/exchange';
import { GrpcWire } from './calls/grpc-wire';
import { FaultPlan } from './faults/fault';
import { FaultScripts } from './faults/fault-script';
import { History } from './history';
import { StallWatch } from './initiator/stall-watch';
import { TestClients } from './initiator/test-client';
import { durationMs, refuseFakeTimers, refuseUnknown } from './options';
import { Settlement } from './outcome/settlement';
import { HandlersUnderWay } from './participants/handlers-under-way';
import { LocalWire } from './participants/local-wire';
import { ParticipantClock } from './participants/participant-clock';
import { RunningTestCoordinator } from './running-test-coordinator';
import type { TestCoordinator, TestCoordinatorOptions } from './test-coordinator';
import { Flow } from './time/flow';
import { UnderWay } from './time/under-way';
import { VirtualTime } from './time/virtual-time';

const optionNames = [
  'inProcess',
  'startAt',
  'seed',
  'settings',
  'interceptors',
  'logger',
  'patience',
  'foreignClocks',
];

/**
 * Starts a coordinator in this process: memory store, virtual clock that starts at the real time, participants over real
 * gRPC on loopback. Close it at the end of the test; each test may have its own.
 *
 * @throws ConfigError where an option is unknown or malformed, or the test runner's fake timers are on.
 */
export async function createTestCoordinator(
  options: TestCoordinatorOptions = {},
): Promise<TestCoordinator> {
  refuseUnknown('createTestCoordinator', options, optionNames);
  refuseFakeTimers('createTestCoordinator');
  const { startAt = systemClock.now(), seed = 1, patience = '2s' } = options;
  if (!Number.isSafeInteger(startAt)) {
    throw new ConfigError(`startAt must be whole Unix milliseconds, got ${String(startAt)}`, {
      option: 'startAt',
    });
  }
  // Transactions are followed through `await` from the first question on: `env.sleep` asks in handlers.
  currentTransaction();
  const real = { clock: systemClock, scheduler: systemScheduler };
  const patienceMs = durationMs('patience', patience);
  const time = new VirtualTime(startAt, systemScheduler);
  const underWay = new UnderWay(real, patienceMs);
  const clock = new ParticipantClock(time);
  const local = options.inProcess === true ? new LocalWire() : undefined;
  const wire = local ?? new GrpcWire();
  const plan = new FaultPlan();
  const history = new History();
  const exchange = new Exchange({
    clock: time,
    scheduler: time,
    wire,
    faults: plan,
    history,
    underWay,
    clockReads: () => clock.reads,
    onAnswered: (call, { code }, before) => clock.answered(call, code, before),
  });
  const store = new MemoryStore();
  const random = delaysFrom(seed);
  const coordinator = coordinatorOf(options, { time, random, store, exchange });
  const flow = new Flow({
    time,
    underWay,
    real,
    check: () => {
      refuseFakeTimers('advance');
      if (options.foreignClocks !== true) clock.check();
    },
  });
  const stalls = new StallWatch({
    real,
    stalled: (commands) =>
      !flow.active && !underWay.busy && !time.busy && exchange.open + commands > 0,
  });
  const clients = new TestClients({ coordinator, time, random, exchange, underWay, stalls });
  const { grpcPort } = await coordinator.start();
  return new RunningTestCoordinator({
    address: `127.0.0.1:${grpcPort}`,
    clock,
    time,
    flow,
    underWay,
    faults: new FaultScripts(plan),
    history,
    coordinator,
    store,
    clients,
    wire,
    handlers: new HandlersUnderWay(),
    settlement: new Settlement({ coordinator, flow, time, history }),
    serving: { clock, scheduler: time, real: systemScheduler, local, patienceMs },
  });
}

function coordinatorOf(
  { settings, interceptors = [], logger }: TestCoordinatorOptions,
  parts: { time: VirtualTime; random: Random; store: MemoryStore; exchange: Exchange },
): Coordinator {
  const { time, random, store, exchange } = parts;
  return new Coordinator({
    // Virtual months pass in an instant: what a test looks at stays, unless it asks for retention.
    config: {
      retentionMs: 'off',
      ...settings,
      grpcAddress: '127.0.0.1:0',
      httpAddress: 'off',
      store: 'memory',
    },
    clock: time,
    scheduler: time,
    random,
    store,
    caller: new PhaseTwoCaller(exchange),
    interceptors,
    ...(logger === undefined ? {} : { logger }),
  });
}

/**
 * Delays repeat with the seed, ids never do: a participant's database may outlive the test, and would take a run id that comes
 * again for the run that had it.
 */
function delaysFrom(seed: number): Random {
  const delays = new SeededRandom(seed);
  return { unit: () => delays.unit(), bytes: (count) => systemRandom.bytes(count) };
}
