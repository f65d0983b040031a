/** Which handler each method of the actions has. */
import type { CancelWhenTryUnknown } from '../barrier/barrier';
import { ConfigError } from '../errors';
import type { MethodLike } from '../service-definition';
import { shownValue } from '../value-text';
import type { CallContext } from './call-context';
import type { AnyTccDefinition } from './handlers';

/** A handler as it is called; its types were checked at `addTcc`. */
export type PhaseHandler = (request: unknown, ctx: CallContext) => unknown;

/** Which handler a method has. */
export interface Route {
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly method: MethodLike;
  /** Of the same action: reads the reply that a Try left. */
  readonly tryMethod: MethodLike;
  readonly cancelWhenTryUnknown: CancelWhenTryUnknown;
  readonly handler: PhaseHandler;
}

/** What the options of `addTcc` say of routes. */
export interface RouteOptions {
  /** Whether a barrier was given as an object. */
  readonly guarded: boolean;
  /** What a Cancel does whose Try left no trace, where its action does not say it. */
  readonly when: CancelWhenTryUnknown;
}

const phases = ['try', 'confirm', 'cancel'] as const;

/** The routes of a definition. Throws ConfigError where a handler is missing, or what goes with it is wrong. */
export function routesOf(
  definition: AnyTccDefinition,
  handlers: Readonly<Record<string, unknown>>,
  options: RouteOptions,
): readonly Route[] {
  return Object.values(definition.actions).flatMap(({ name, methods }) => {
    const given = handlers[name];
    const said = isRecord(given) ? given['cancelWhenTryUnknown'] : undefined;
    const where = `the handlers of ${name} (${definition.serviceName})`;
    checkCancelWhenTryUnknown(where, said, options.guarded);
    const when = said ?? options.when;
    return phases.map(
      (phase): Route => ({
        service: definition.serviceName,
        action: name,
        phase,
        method: methods[phase],
        tryMethod: methods.try,
        cancelWhenTryUnknown: when,
        handler: handlerOf(name, given, phase),
      }),
    );
  });
}

/** The routes by the full path of their method. Throws ConfigError where two have one. */
export function routesByPath(routes: readonly Route[]): ReadonlyMap<string, Route> {
  const byPath = new Map(routes.map((route) => [route.method.path, route]));
  if (byPath.size === routes.length) return byPath;
  const twice = routes.find((route) => byPath.get(route.method.path) !== route);
  throw new ConfigError(`${twice?.method.path} serves two actions`);
}

/** Throws ConfigError where it is no such word, or where no barrier was given that could know. */
export function checkCancelWhenTryUnknown(
  where: string,
  given: unknown,
  guarded: boolean,
): asserts given is CancelWhenTryUnknown | undefined {
  if (given === undefined) return;
  const option = 'cancelWhenTryUnknown';
  if (given !== 'skip' && given !== 'call') {
    const text = `addTcc: ${option} of ${where} must be 'skip' or 'call', got ${shownValue(given)}`;
    throw new ConfigError(text, { option });
  }
  if (guarded) return;
  throw new ConfigError(
    `addTcc: ${option} of ${where} needs a barrier that knows what was tried: { barrier: sqliteBarrier(db) }, for example; without one every Cancel is called`,
    { option },
  );
}

function handlerOf(action: string, given: unknown, phase: Route['phase']): PhaseHandler {
  const handler: unknown = isRecord(given) ? given[phase] : undefined;
  if (typeof handler !== 'function') {
    throw new ConfigError(`action ${action} has no handler for ${phase}`);
  }
  const bound: unknown = handler.bind(given);
  return bound as PhaseHandler;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
