/** Puts a service with TCC actions on the user's gRPC server. */
import {
  type Server,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { ConfigError } from '../errors';
import { checkDefinition } from '../known-definition';
import { warn } from '../warnings';
import { checkOptions, clientOf, interceptorsOf } from './add-tcc-options';
import { AnswersUnderWay } from './answers-under-way';
import { stopping } from './call-answer';
import { type DeliverOffer, checkWish, offerOn } from './deliver/deliver-offer';
import type { DeliveredService } from './deliver/deliver-server';
import { Fence } from './fence';
import type {
  AddTccOptions,
  AnyTccDefinition,
  Definitions,
  DeliverState,
  TccHandlers,
  TccService,
} from './handlers';
import type { PhaseHandler, Route } from './received-call';
import { ServiceCalls } from './service-calls';
import { ServiceTransports } from './service-transports';
import { type GrpcCall, UnaryCall, statusOf } from './unary-call';

const FENCE_KEYS_MAX_DEFAULT = 100_000;
const phases = ['try', 'confirm', 'cancel'] as const;

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
export function addTcc<const D extends Definitions>(
  server: Server,
  definitions: D,
  handlers: TccHandlers<D>,
  options: AddTccOptions = {},
): TccService {
  const all: readonly AnyTccDefinition[] = isOne(definitions) ? [definitions] : definitions;
  const definition = checkedDefinitions(all);
  checkOptions(options);
  const calls = callsOf(options);
  // Its types were checked at the door: from here on handlers are looked up by name.
  const byName = handlers as Readonly<Record<string, unknown>>;
  const routes = routesByPath(all.flatMap((one) => routesOf(one, byName)));
  const { scheduler = systemScheduler } = options;
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
  addOnce(server, definition, implementation);
  const offer = offered(server, definition, options);
  const deliver =
    offer.kind === 'offered'
      ? { streams: offer.streams, service: deliveredOf(options, calls, [...routes.values()]) }
      : undefined;
  deliver?.streams.add(deliver.service);
  const transports = new ServiceTransports({ scheduler, answers, deliver });
  return { deliver: stateOf(offer), drain: () => calls.drain(transports) };
}

function callsOf(options: AddTccOptions): ServiceCalls {
  const clock = options.clock ?? systemClock;
  return new ServiceCalls({
    clock,
    fence:
      options.barrier === true
        ? undefined
        : new Fence(clock, options.fenceKeysMax ?? FENCE_KEYS_MAX_DEFAULT),
    client: clientOf(options),
    authorize: options.authorize,
    interceptors: interceptorsOf(options),
    onError: options.onError,
  });
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
  { deliver, scheduler = systemScheduler, onWarning }: AddTccOptions,
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
  { barrier = false, clock = systemClock, maxInFlightTry, maxInFlightPhaseTwo }: AddTccOptions,
  calls: ServiceCalls,
  routes: readonly Route[],
): DeliveredService {
  return { calls, routes, clock, barrier, maxInFlightTry, maxInFlightPhaseTwo };
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
  if (twice !== undefined) throw new ConfigError(`action ${twice} is defined twice`);
  return first;
}

function routesOf(
  definition: AnyTccDefinition,
  handlers: Readonly<Record<string, unknown>>,
): readonly Route[] {
  return Object.values(definition.actions).flatMap((action) => {
    const given = handlers[action.name];
    return phases.map((phase): Route => {
      const handler: unknown = isRecord(given) ? given[phase] : undefined;
      if (typeof handler !== 'function') {
        throw new ConfigError(`action ${action.name} has no handler for ${phase}`);
      }
      const bound: unknown = handler.bind(given);
      return {
        service: definition.serviceName,
        action: action.name,
        phase,
        method: action.methods[phase],
        handler: bound as PhaseHandler,
      };
    });
  });
}

function routesByPath(routes: readonly Route[]): ReadonlyMap<string, Route> {
  const byPath = new Map(routes.map((route) => [route.method.path, route]));
  if (byPath.size === routes.length) return byPath;
  const twice = routes.find((route) => byPath.get(route.method.path) !== route);
  throw new ConfigError(`${twice?.method.path} serves two actions`);
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
