/** Checks the options of `addTcc`: callers in plain JavaScript pass anything. */
import type { Barrier } from '../barrier/barrier';
import { ConfigError } from '../errors';
import { type Joining, joiningOf } from '../joining';
import { namesOf, refuseUnknown } from '../known-options';
import { shownValue } from '../value-text';
import type { AddTccOptions } from './handlers';
import type { ParticipantInterceptor } from './interceptors';
import { checkCancelWhenTryUnknown } from './routes';

/** The options, whatever their barrier gives to handlers. */
export type AnyOptions = AddTccOptions<unknown>;

/** Above it no limit is meant. */
const CREDIT_MAX = 1_000_000;
const optionNames = namesOf<AddTccOptions>({
  barrier: true,
  cancelWhenTryUnknown: true,
  tercet: true,
  authorize: true,
  interceptors: true,
  onError: true,
  onWarning: true,
  deliver: true,
  maxInFlightTry: true,
  maxInFlightPhaseTwo: true,
  fenceKeysMax: true,
  clock: true,
  scheduler: true,
});

/** Throws ConfigError where an option is unknown or malformed, naming it. */
export function checkOptions(options: AnyOptions): void {
  refuseUnknown('addTcc', options, optionNames);
  checkFunction(options, 'authorize');
  checkFunction(options, 'onWarning');
  checkCredit(options, 'maxInFlightTry');
  checkCredit(options, 'maxInFlightPhaseTwo');
  const { deliver } = options;
  if (deliver !== undefined && typeof deliver !== 'boolean') {
    throw wrong('deliver', 'must be true or false', deliver);
  }
  const guarded = barrierOf(options) !== undefined;
  checkCancelWhenTryUnknown('the options', options.cancelWhenTryUnknown, guarded);
}

/** The barrier of the options; undefined where there is none, or the handlers have one of their own. Throws ConfigError. */
export function barrierOf({ barrier }: AnyOptions): Barrier<unknown> | undefined {
  if (barrier === undefined || typeof barrier === 'boolean') return undefined;
  const given: unknown = barrier;
  const isBarrier =
    isRecord(given) &&
    typeof given['carryOut'] === 'function' &&
    typeof given['check'] === 'function' &&
    typeof given['retentionMs'] === 'number';
  if (isBarrier) return barrier;
  const must =
    'must be true, false, or a barrier such as sqliteBarrier(db) of @tercet/sdk/sqlite makes';
  throw wrong('barrier', must, given);
}

/** What the client of the options lends to nested work. Throws ConfigError. */
export function clientOf({ tercet }: AnyOptions): Joining | undefined {
  if (tercet === undefined) return undefined;
  const client = isRecord(tercet) ? joiningOf(tercet) : undefined;
  if (client !== undefined) return client;
  throw new ConfigError('addTcc: tercet must be a client made by createTercet of this package', {
    option: 'tercet',
  });
}

/** The interceptors of the options. Throws ConfigError. */
export function interceptorsOf({
  interceptors = [],
}: AnyOptions): readonly ParticipantInterceptor[] {
  const given: unknown = interceptors;
  const handles = (each: unknown): boolean =>
    isRecord(each) && typeof each['handle'] === 'function';
  if (Array.isArray(given) && given.every(handles)) return interceptors;
  throw new ConfigError(
    'addTcc: interceptors must be an array of objects with a function handle(call, next)',
    { option: 'interceptors' },
  );
}

function checkFunction(options: AnyOptions, name: 'authorize' | 'onWarning'): void {
  const given: unknown = options[name];
  if (given !== undefined && typeof given !== 'function') {
    throw wrong(name, 'must be a function', given);
  }
}

function checkCredit(options: AnyOptions, name: 'maxInFlightTry' | 'maxInFlightPhaseTwo'): void {
  const given: unknown = options[name];
  if (given === undefined) return;
  const whole = typeof given === 'number' && Number.isInteger(given);
  if (!whole || given < 1 || given > CREDIT_MAX) {
    throw wrong(name, `must be a whole number from 1 to ${CREDIT_MAX}`, given);
  }
}

function wrong(option: keyof AddTccOptions, must: string, given: unknown): ConfigError {
  return new ConfigError(`addTcc: ${option} ${must}, got ${shownValue(given)}`, { option });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
