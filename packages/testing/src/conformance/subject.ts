/** The participant that is checked, as its options were given, checked at the door. */
import {
  type Barrier,
  ConfigError,
  type Definitions,
  type Duration,
  type TccAction,
  type TccDefinition,
} from '@tercet/sdk';
import { parseDuration } from '@tercet/core';
import type { CheckOptions } from './check-options';
import { shown } from './difference';
import { type LawId } from './law';

/** Default and most, in milliseconds. */
const callTimeout = { otherwise: 2_000, most: 60_000 };
const lawTimeout = { otherwise: 20_000, most: 600_000 };

/** One action of it. */
export interface SubjectAction {
  readonly action: TccAction;
  readonly requests: (n: number) => unknown;
  readonly refused: ((n: number) => unknown) | undefined;
}

/** What the laws need to know of it. */
export interface Subject {
  readonly definitions: Definitions;
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly actions: readonly SubjectAction[];
  readonly barrier: boolean | Barrier<unknown>;
  /** Handlers for the database they are to work with, in `addTcc`'s form. */
  readonly handlersFor: (watch: <T>(db: T) => T) => Readonly<Record<string, unknown>>;
  /** Whether the uses of a database can be seen: of `ctx.db`, or of the one that makes the handlers. */
  readonly seesUses: boolean;
  readonly snapshot: () => unknown;
  readonly reset: () => unknown;
  readonly callTimeoutMs: number;
  readonly lawTimeoutMs: number;
  readonly participant: Readonly<Record<string, unknown>>;
  readonly only: readonly LawId[] | undefined;
  readonly except: Readonly<Partial<Record<LawId, string>>>;
}

/** Options whose types no longer matter: they are looked up by name. */
export type AnyCheckOptions = CheckOptions<Definitions, unknown, 'skip' | 'call', unknown>;

/** Checks what was given. Throws ConfigError naming the option. */
export function subjectOf(
  definitions: Definitions,
  handlers: unknown,
  options: AnyCheckOptions,
): Subject {
  const all = (
    Array.isArray(definitions) ? definitions : [definitions]
  ) as readonly TccDefinition[];
  const { barrier, snapshot, reset, db } = options;
  const makes = typeof handlers === 'function';
  if (makes && isBarrier(barrier)) {
    const text =
      'a function that makes handlers is for barrier: true; with a barrier they get ctx.db';
    throw wrong('handlers', text);
  }
  if (typeof barrier !== 'boolean' && !isBarrier(barrier)) {
    throw wrong(
      'barrier',
      'must be a barrier, true where the handlers guard by themselves, or false',
    );
  }
  for (const [name, given] of Object.entries({ snapshot, reset })) {
    if (typeof given !== 'function') throw wrong(name, 'must be a function');
  }
  return {
    definitions,
    service: all.map(({ serviceName }) => serviceName)[0] ?? '',
    actions: all.flatMap((one) => Object.values(one.actions)).map((one) => actionOf(one, options)),
    barrier,
    handlersFor: (watch) =>
      (makes ? (handlers as (given: unknown) => object)(watch(db)) : handlers) as Readonly<
        Record<string, unknown>
      >,
    seesUses: makes || isBarrier(barrier),
    snapshot,
    reset,
    callTimeoutMs: timeOf('callTimeout', options.callTimeout, callTimeout),
    lawTimeoutMs: timeOf('lawTimeout', options.lawTimeout, lawTimeout),
    participant: participantOf(options),
    only: options.only,
    except: options.except ?? {},
  };
}

function actionOf(action: TccAction, options: AnyCheckOptions): SubjectAction {
  const requests = generatorOf(options.requests, action.name);
  if (requests === undefined) {
    const text = `has no generator for the action ${action.name}; add requests: { ${action.name}: (n) => … }`;
    throw wrong('requests', text);
  }
  return { action, requests, refused: generatorOf(options.refused, action.name) };
}

function generatorOf(given: unknown, name: string): ((n: number) => unknown) | undefined {
  const found: unknown = isRecord(given) ? given[name] : undefined;
  return typeof found === 'function' ? (found as (n: number) => unknown) : undefined;
}

function participantOf(options: AnyCheckOptions): Readonly<Record<string, unknown>> {
  const { participant = {}, cancelWhenTryUnknown } = options;
  return cancelWhenTryUnknown === undefined
    ? participant
    : { ...participant, cancelWhenTryUnknown };
}

/** Whether `value` is a barrier, of whichever copy of the SDK. */
export function isBarrier(value: unknown): value is Barrier<unknown> {
  return isRecord(value) && typeof value['carryOut'] === 'function';
}

function timeOf(
  option: string,
  given: Duration | undefined,
  { otherwise, most }: { readonly otherwise: number; readonly most: number },
): number {
  if (given === undefined) return otherwise;
  const ms = parseDuration(given);
  if (ms !== undefined && ms > 0 && ms <= most) return ms;
  throw wrong(option, `must be a time such as '2s', at most ${most} ms, got ${shown(given)}`);
}

function wrong(option: string, text: string): ConfigError {
  return new ConfigError(`checkParticipant: ${option} ${text}`, { option });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
