/** Turns an action as users write it into one with every setting present, or says what is wrong with it. */
import {
  CALL_DEADLINE_MS_DEFAULT,
  STUCK_AFTER_MS_DEFAULT,
  STUCK_ATTEMPTS_DEFAULT,
  defaultRetryPolicy,
  isVisibleAscii,
  limits,
  serviceOf,
} from '@tercet/core';
import type { ActionMethods, TccAction, TccOptions } from './tcc-action';
import { type Duration, millisecondsOf } from './duration';
import { ConfigError } from './errors';
import { namesOf, refuseUnknown } from './known-options';
import type { MethodLike, ServiceLike } from './service-definition';
import { shownValue } from './value-text';

const optionNames = namesOf<TccOptions>({
  deadlines: true,
  retry: true,
  stuckAfter: true,
  stuckAttempts: true,
  parkPermanentErrors: true,
  barrier: true,
});
const phases = ['try', 'confirm', 'cancel'] as const;
const positive = { min: 1, max: limits.durationMsMax };

/** An action as it was written. */
export interface WrittenAction {
  readonly name: string;
  readonly methods: ActionMethods;
  /** Settings of the whole definition. */
  readonly options: TccOptions;
}

/** Resolves one action. Throws ConfigError naming the action. */
export function resolveAction(service: ServiceLike, written: WrittenAction): TccAction {
  const { name, methods, options } = written;
  if (!isVisibleAscii(name, limits.nameLengthMax)) {
    throw new ConfigError(
      `an action's name must be 1 to ${limits.nameLengthMax} visible ASCII characters, got ${JSON.stringify(name)}`,
    );
  }
  refuseUnknown(`action ${name}`, methods, [...phases, ...optionNames]);
  refuseUnknown('options', options, optionNames);
  const resolved = {
    try: methodOf(service, written, 'try'),
    confirm: methodOf(service, written, 'confirm'),
    cancel: methodOf(service, written, 'cancel'),
  };
  return {
    name,
    methods: resolved,
    writesAsTry: {
      confirm: writeAlike(resolved.try, resolved.confirm),
      cancel: writeAlike(resolved.try, resolved.cancel),
    },
    deadlines: deadlinesOf(name, { ...options.deadlines, ...methods.deadlines }),
    retry: retryOf(name, { ...options.retry, ...methods.retry }),
    stuckAfterMs: millisecondsOf(
      `${name}.stuckAfter`,
      methods.stuckAfter ?? options.stuckAfter ?? STUCK_AFTER_MS_DEFAULT,
      positive,
    ),
    stuckAttempts: stuckAttemptsOf(name, methods.stuckAttempts ?? options.stuckAttempts),
    parkPermanentErrors: flagOf(written, 'parkPermanentErrors'),
    barrier: flagOf(written, 'barrier'),
  };
}

/** The service of all actions. Throws ConfigError where a method serves two phases, or services are mixed. */
export function oneService(actions: readonly TccAction[]): string {
  const users = new Map<string, string>();
  const services = new Set<string>();
  for (const action of actions) {
    for (const phase of phases) {
      const { path } = action.methods[phase];
      const user = users.get(path);
      if (user !== undefined) {
        throw new ConfigError(`${path} is named twice: as ${user} and as ${action.name}.${phase}`);
      }
      users.set(path, `${action.name}.${phase}`);
      services.add(serviceOf(path));
    }
  }
  const [service = '', ...others] = services;
  if (others.length === 0) return service;
  throw new ConfigError(`one definition covers one service, got ${[...services].join(' and ')}`);
}

function methodOf(
  service: ServiceLike,
  { name: action, methods }: WrittenAction,
  phase: (typeof phases)[number],
): MethodLike {
  // Callers in plain JavaScript leave one out.
  const { [phase]: name } = methods as Partial<ActionMethods>;
  if (name === undefined) {
    throw new ConfigError(`action ${action}: ${phase} is missing: name the method`);
  }
  const method = Object.hasOwn(service, name) ? service[name] : undefined;
  if (method === undefined) {
    const known = Object.keys(service).join(', ');
    throw new ConfigError(`action ${action}: the service has no method ${name}; it has ${known}`);
  }
  if (method.requestStream || method.responseStream) {
    throw new ConfigError(`action ${action}: ${name} streams; Try, Confirm and Cancel are unary`);
  }
  return method;
}

/** Of a bound or built-in function, which says nothing of what it does. */
const NATIVE = /\[native code\]\s*}$/;

/**
 * Whether two methods write a request alike. Generated code writes the serializer of a message out anew for every method
 * that takes it, so the text tells: the three methods of an action take one message, whose types were compared where the
 * definition was compiled. Encoding a request thrice took an eighth of the time of a process that runs transactions.
 */
function writeAlike(a: MethodLike, b: MethodLike): boolean {
  if (a.requestSerialize === b.requestSerialize) return true;
  const text = String(a.requestSerialize);
  return text === String(b.requestSerialize) && !NATIVE.test(text);
}

/** A text such as 'no' would count as true. */
function flagOf(
  { name, methods, options }: WrittenAction,
  key: 'barrier' | 'parkPermanentErrors',
): boolean {
  const given: unknown = methods[key] ?? options[key] ?? false;
  if (typeof given === 'boolean') return given;
  throw new ConfigError(`action ${name}: ${key} must be true or false, got ${shownValue(given)}`, {
    option: key,
  });
}

function deadlinesOf(
  action: string,
  given: Required<TccOptions>['deadlines'],
): TccAction['deadlines'] {
  refuseUnknown(`${action}.deadlines`, given, phases);
  const of = (phase: (typeof phases)[number]): number =>
    millisecondsOf(
      `${action}.deadlines.${phase}`,
      given[phase] ?? CALL_DEADLINE_MS_DEFAULT,
      positive,
    );
  return { tryMs: of('try'), confirmMs: of('confirm'), cancelMs: of('cancel') };
}

function stuckAttemptsOf(action: string, given = STUCK_ATTEMPTS_DEFAULT): number {
  const max = limits.stuckAttemptsMax;
  if (Number.isInteger(given) && given >= 1 && given <= max) return given;
  throw new ConfigError(
    `${action}.stuckAttempts must be a whole number from 1 to ${max}, got ${String(given)}`,
    { option: 'stuckAttempts' },
  );
}

function retryOf(action: string, given: Required<TccOptions>['retry']): TccAction['retry'] {
  refuseUnknown(`${action}.retry`, given, ['firstDelay', 'maxDelay']);
  const of = (key: 'firstDelay' | 'maxDelay', fallback: Duration): number =>
    millisecondsOf(`${action}.retry.${key}`, given[key] ?? fallback, positive);
  const firstDelayMs = of('firstDelay', defaultRetryPolicy.firstDelayMs);
  const maxDelayMs = of('maxDelay', Math.max(firstDelayMs, defaultRetryPolicy.maxDelayMs));
  if (firstDelayMs > maxDelayMs) {
    throw new ConfigError(
      `${action}.retry: firstDelay (${firstDelayMs} ms) is longer than maxDelay (${maxDelayMs} ms)`,
    );
  }
  return { firstDelayMs, maxDelayMs };
}
