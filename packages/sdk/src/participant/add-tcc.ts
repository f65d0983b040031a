/** Puts a service with TCC actions on the user's gRPC server. */
import {
  type Server,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { ConfigError } from '../errors';
import { type Joining, joiningOf } from '../joining';
import { checkDefinition } from '../known-definition';
import { namesOf, refuseUnknown } from '../known-options';
import { type CallDeps, answerCall } from './action-call';
import { AnswersUnderWay } from './answers-under-way';
import { Fence } from './fence';
import type { PhaseHandler, Route } from './handle-call';
import type {
  AddTccOptions,
  AnyTccDefinition,
  Definitions,
  TccHandlers,
  TccService,
} from './handlers';
import type { ParticipantInterceptor } from './interceptors';
import { plainStatus } from './status-of-error';

const FENCE_KEYS_MAX_DEFAULT = 100_000;
const optionNames = namesOf<AddTccOptions>({
  barrier: true,
  tercet: true,
  interceptors: true,
  onError: true,
  fenceKeysMax: true,
  clock: true,
});
const phases = ['try', 'confirm', 'cancel'] as const;

/**
 * Registers a service: the handlers of its actions, and those of its other methods as plain grpc-js handlers.
 *
 * @param server The user's server; its other services, credentials and start stay the user's.
 * @param definitions One definition, or several of the same service.
 * @param handlers Three handlers for each action by its name; one for every other method by its name.
 * @returns A handle to drain the service. Not repeatable: a server takes each service once.
 * @throws ConfigError where a handler is missing, two definitions disagree, or the server has the service already.
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
  refuseUnknown('addTcc', options, optionNames);
  const clock = options.clock ?? systemClock;
  const fence =
    options.barrier === true
      ? undefined
      : new Fence(clock, options.fenceKeysMax ?? FENCE_KEYS_MAX_DEFAULT);
  const calls = new RunningCalls({
    clock,
    fence,
    client: clientOf(options),
    interceptors: checkedInterceptors(options),
    onError: options.onError,
  });
  // Its types were checked at the door: from here on handlers are looked up by name.
  const byName = handlers as Readonly<Record<string, unknown>>;
  const routes = routesByPath(all.flatMap((one) => routesOf(one, byName)));
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition.service)) {
    const route = routes.get(method.path);
    implementation[name] =
      route === undefined ? ordinaryHandler(name, byName[name]) : calls.handlerOf(route);
  }
  refuseUnknownHandlers(byName, all, implementation);
  addOnce(server, definition, implementation);
  return { drain: () => calls.drain() };
}

/** The calls under way. */
class RunningCalls implements TccService {
  private readonly running = new Set<Promise<void>>();
  private readonly answers = new AnswersUnderWay(systemScheduler);
  private draining = false;

  constructor(private readonly deps: CallDeps) {}

  handlerOf(route: Route): UntypedHandleCall {
    return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
      if (this.draining) {
        callback(plainStatus(status.UNAVAILABLE, 'this participant is stopping'));
        return;
      }
      const ended = this.answer(route, call, callback).finally(() => this.running.delete(ended));
      this.running.add(ended);
    };
  }

  async drain(): Promise<void> {
    this.draining = true;
    await Promise.all(this.running);
    await this.answers.left();
  }

  /** Never rejects: nobody could catch it. */
  private async answer(
    route: Route,
    call: ServerUnaryCall<unknown, unknown>,
    callback: sendUnaryData<unknown>,
  ): Promise<void> {
    try {
      const answer = await answerCall(this.deps, route, call);
      this.answers.add(call);
      if (answer.kind === 'reply') callback(null, answer.reply, answer.trailers);
      else callback(answer.status);
    } catch {
      // What was thrown cannot even be looked at (a getter that throws, say). It must not end the process.
      callback(plainStatus(status.INTERNAL, 'this call could not be answered'));
    }
  }
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

function clientOf({ tercet }: AddTccOptions): Joining | undefined {
  if (tercet === undefined) return undefined;
  const client = isRecord(tercet) ? joiningOf(tercet) : undefined;
  if (client !== undefined) return client;
  throw new ConfigError('addTcc: tercet must be a client made by createTercet of this package', {
    option: 'tercet',
  });
}

function checkedInterceptors({
  interceptors = [],
}: AddTccOptions): readonly ParticipantInterceptor[] {
  // Callers in plain JavaScript pass anything.
  const given: unknown = interceptors;
  const handles = (each: unknown): boolean =>
    isRecord(each) && typeof each['handle'] === 'function';
  if (Array.isArray(given) && given.every(handles)) return interceptors;
  throw new ConfigError(
    'addTcc: interceptors must be an array of objects with a function handle(call, next)',
    { option: 'interceptors' },
  );
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
