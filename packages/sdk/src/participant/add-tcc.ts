/** Puts a service with TCC actions on the user's gRPC server. */
import {
  type Server,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { systemClock, systemScheduler } from '@tercet/runtime';
import type { Barrier, CancelWhenTryUnknown } from '../barrier/barrier';
import { ConfigError } from '../errors';
import { checkDefinition } from '../known-definition';
import { warn } from '../warnings';
import {
  type AnyOptions,
  barrierOf,
  checkOptions,
  clientOf,
  interceptorsOf,
} from './add-tcc-options';
import { AnswersUnderWay } from './answers-under-way';
import { BarrierReadiness } from './barrier-readiness';
import { stopping } from './call-answer';
import { type DeliverOffer, checkWish, offerOn } from './deliver/deliver-offer';
import type { DeliveredService } from './deliver/deliver-server';
import { takingEncoded } from './encoded-reply';
import { Fence } from './fence';
import type { Guard } from './guarded-call';
import type {
  AddTccOptions,
  AnyTccDefinition,
  Definitions,
  DeliverState,
  TccHandlers,
  TccService,
} from './handlers';
import { type Route, routesByPath, routesOf } from './routes';
import { ServiceCalls } from './service-calls';
import { ServiceTransports } from './service-transports';
import { checkActionNames, rememberActionNames } from './shared-barriers';
import { type GrpcCall, UnaryCall, statusOf } from './unary-call';

const FENCE_KEYS_MAX_DEFAULT = 100_000;

/**
 * Registers a service: the handlers of its actions, and those of its other methods as plain grpc-js handlers. Offers
 * its actions over Deliver, too (`options.deliver`): for that the service `tercet.v1.Participant` is put on the server
 * once, for all its services.
 *
 * @param server The user's server; its other services, credentials and start stay the user's.
 * @param definitions One definition, or several of the same service.
 * @param handlers Three handlers for each action by its name; one for every other method by its name.
 * @returns A handle to drain the service. Not repeatable: a server takes each service once.
 * @throws ConfigError where a handler is missing, an option is wrong, two definitions disagree, the server has the
 *   service already, or an earlier `addTcc` of the server said something else of Deliver.
 */
// The shape that users know from grpc-js: server, what, how; options last.
// eslint-disable-next-line max-params -- four things of four kinds, each named by the documentation
export function addTcc<
  const D extends Definitions,
  Db = undefined,
  When extends CancelWhenTryUnknown = 'skip',
>(
  server: Server,
  definitions: D,
  handlers: TccHandlers<D, NoInfer<Db>, NoInfer<When>>,
  options: AddTccOptions<Db, When> = {},
): TccService {
  const all: readonly AnyTccDefinition[] = isOne(definitions) ? [definitions] : definitions;
  const definition = checkedDefinitions(all);
  checkOptions(options);
  const barrier = barrierOf(options);
  const guard = barrier === undefined ? undefined : guardOf(barrier, options);
  const calls = callsOf(options, guard);
  // Its types were checked at the door: from here on handlers are looked up by name.
  const byName = handlers as Readonly<Record<string, unknown>>;
  const { scheduler = systemScheduler } = options;
  const when: CancelWhenTryUnknown = options.cancelWhenTryUnknown ?? 'skip';
  const ofRoutes = { guarded: guard !== undefined, when };
  const routes = routesByPath(all.flatMap((one) => routesOf(one, byName, ofRoutes)));
  const answers = new AnswersUnderWay(scheduler);
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition.service)) {
    const route = routes.get(method.path);
    implementation[name] =
      route === undefined
        ? ordinaryHandler(name, byName[name])
        : unaryHandler(calls, route, answers);
  }
  refuseUnknownHandlers(byName, all, implementation);
  checkWish(server, options.deliver);
  if (barrier !== undefined) checkActionNames(server, barrier, all);
  addOnce(server, servedBy(definition, guard), implementation);
  const offer = offered(server, definition, options);
  if (barrier !== undefined) rememberActionNames(server, barrier, all);
  const deliver =
    offer.kind === 'offered'
      ? { streams: offer.streams, service: deliveredOf(options, calls, [...routes.values()]) }
      : undefined;
  deliver?.streams.add(deliver.service);
  const transports = new ServiceTransports({ scheduler, answers, deliver });
  return {
    deliver: stateOf(offer),
    ready: () => guard?.readiness.ready() ?? Promise.resolve(),
    drain: () => calls.drain(transports),
  };
}

function guardOf(barrier: Barrier<unknown>, { clock = systemClock }: AnyOptions): Guard {
  return { barrier, readiness: new BarrierReadiness(barrier, clock) };
}

function callsOf(options: AnyOptions, guard: Guard | undefined): ServiceCalls {
  const { clock = systemClock, fenceKeysMax = FENCE_KEYS_MAX_DEFAULT } = options;
  const fenced = options.barrier === undefined || options.barrier === false;
  return new ServiceCalls({
    clock,
    fence: fenced ? new Fence(clock, fenceKeysMax) : undefined,
    guard,
    client: clientOf(options),
    authorize: options.authorize,
    interceptors: interceptorsOf(options),
    onError: options.onError,
  });
}

/** With a barrier a reply leaves as the bytes that it kept. */
function servedBy(definition: AnyTccDefinition, guard: Guard | undefined): AnyTccDefinition {
  if (guard === undefined) return definition;
  return { ...definition, service: takingEncoded(definition.service) };
}

function unaryHandler(
  calls: ServiceCalls,
  route: Route,
  answers: AnswersUnderWay,
): UntypedHandleCall {
  const { method } = route;
  return (call: GrpcCall, callback: sendUnaryData<unknown>) => {
    if (calls.draining) callback(statusOf(stopping()));
    else void calls.carryOut(route, new UnaryCall(call, { method, callback, answers }));
  };
}

/** Where Deliver cannot be had as it was asked for, nothing stays added. */
function offered(
  server: Server,
  definition: AnyTccDefinition,
  { deliver, scheduler = systemScheduler, onWarning }: AnyOptions,
): DeliverOffer {
  let offer: DeliverOffer;
  try {
    offer = offerOn(server, deliver, scheduler);
  } catch (error) {
    server.removeService(definition.service as ServiceDefinition);
    throw error;
  }
  if (offer.kind === 'withheld') {
    warn(onWarning, {
      code: 'DELIVER_NOT_OFFERED',
      message: `the calls of ${definition.serviceName} come one by one, without Deliver: ${offer.reason}`,
      gid: undefined,
      runId: undefined,
      cause: undefined,
    });
  }
  return offer;
}

function deliveredOf(
  options: AnyOptions,
  calls: ServiceCalls,
  routes: readonly Route[],
): DeliveredService {
  const { barrier = false, clock = systemClock, maxInFlightTry, maxInFlightPhaseTwo } = options;
  const retentionMs = barrierOf(options)?.retentionMs;
  const says = { barrier: barrier !== false, retentionMs };
  return { calls, routes, clock, ...says, maxInFlightTry, maxInFlightPhaseTwo };
}

function stateOf(offer: DeliverOffer): DeliverState {
  const offered = offer.kind === 'offered';
  return { offered, reason: offered ? undefined : offer.reason };
}

function addOnce(
  server: Server,
  { service, serviceName }: AnyTccDefinition,
  implementation: UntypedServiceImplementation,
): void {
  try {
    server.addService(service as ServiceDefinition, implementation);
  } catch (error) {
    // grpc-js has no other mark for it, and no way to ask first.
    if (!(error instanceof Error && error.message.includes('already provided'))) throw error;
    throw new ConfigError(
      `addTcc: this server has ${serviceName} already, and takes each service once; give all its definitions and handlers to one addTcc`,
    );
  }
}

function isOne(definitions: Definitions): definitions is AnyTccDefinition {
  return !Array.isArray(definitions);
}

function checkedDefinitions(all: readonly AnyTccDefinition[]): AnyTccDefinition {
  const [first, ...others] = all;
  if (first === undefined) throw new ConfigError('addTcc needs at least one definition');
  for (const one of all) checkDefinition('addTcc', one);
  for (const other of others) {
    if (other.service !== first.service) {
      throw new ConfigError(
        `addTcc takes definitions of one service, got ${first.serviceName} and ${other.serviceName}`,
      );
    }
  }
  const names = all.flatMap((definition) => Object.keys(definition.actions));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return first;
  throw new ConfigError(
    `addTcc: action ${twice} of ${first.serviceName} is defined twice; give one of the two another name in defineTcc`,
  );
}

function ordinaryHandler(name: string, handler: unknown): UntypedHandleCall {
  if (typeof handler === 'function') return handler as UntypedHandleCall;
  throw new ConfigError(`method ${name} belongs to no action and has no handler`);
}

function refuseUnknownHandlers(
  handlers: Readonly<Record<string, unknown>>,
  all: readonly AnyTccDefinition[],
  implementation: UntypedServiceImplementation,
): void {
  const actions = all.flatMap((definition) => Object.keys(definition.actions));
  const known = new Set([...actions, ...Object.keys(implementation)]);
  const unknown = Object.keys(handlers).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ConfigError(`handlers for unknown actions or methods: ${unknown.join(', ')}`);
}
