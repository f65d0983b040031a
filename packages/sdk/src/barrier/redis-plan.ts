/**
 * What a handler asks of Redis in one call, and the keys of it.
 *
 * RD1 Every key of a call, the barrier's own included, lies in one slot: they carry the same hash tag. This is looked at
 *    before anything is sent.
 */
import { ConfigError } from '../errors';
import { kindOf, shownValue } from '../value-text';

/** What an element of `args` can be. Lua gets a text of it. */
export type RedisArg = string | number | bigint | Uint8Array;

/**
 * One call's work in Redis: `check` decides, `apply` writes, and both with the barrier's own row are one script, so nothing
 * comes between them. The texts are Lua, each the body of a function; write them as constants and pass what differs from
 * call to call in `keys` and `args`, for the server keeps every text that it has seen.
 *
 * Both see `KEYS` and `ARGV` (what `keys` and `args` hold, from 1), `redis.call` and `redis.pcall`, and `tried`: nil in
 * Try and where no Try was observed, else a table with `saved` (the text that Try's `apply` returned, or nil) and `reply`
 * (the bytes of its reply).
 */
export interface RedisPlan<Reply = void> {
  /**
   * Names the resource, such as `sku-17`: not empty, without `}`. Derived from the request alone, so that Try, Confirm and
   * Cancel of a branch have the same one: with another tag, the barrier looks for the branch in another place.
   */
  readonly tag: string;
  /** Every key that the texts touch, with the tag in braces: `stock:{sku-17}`. Default: none. */
  readonly keys?: readonly string[];
  /** Default: none. */
  readonly args?: readonly RedisArg[];
  /**
   * Whether the work can be done, types of keys included. It only reads: writing commands are refused. Returns nothing to
   * go on, or a text that says why not: in Try that is a `TccReject` with this reason, in Confirm and Cancel an error.
   * Default: it can.
   */
  readonly check?: string;
  /**
   * Does the work. It must not fail: what a script wrote before it failed stays. Returns nothing, or a text or a number that
   * is kept as a text: `saved`. Default: nothing is to be done, which is remembered as well.
   */
  readonly apply?: string;
  /**
   * The reply of the call: a message, or a function that makes one of `saved` (undefined where `apply` returned none). The
   * bytes of a message are stored with the work; those that a function makes by a second command, without which the call
   * is not OK. Let a function depend on nothing but `saved` and the request. Default: the empty message.
   */
  readonly reply?: Reply | ((saved: string | undefined) => Reply);
}

/** A plan that was looked at, as it is sent. */
export interface CheckedPlan {
  /** Key of the barrier's row. */
  readonly row: string;
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  readonly check: string;
  readonly apply: string;
}

/** Whose plan it is. */
export interface PlanOwner {
  readonly runId: string;
  readonly branchId: string;
  /** For messages. */
  readonly handler: string;
  /** The client's own prefix of every key. */
  readonly keyPrefix: string;
}

/** Checks a plan. Throws ConfigError that names the handler. */
export function checkedPlan(plan: RedisPlan<unknown>, owner: PlanOwner): CheckedPlan {
  const fail = (text: string): never => {
    throw new ConfigError(`${owner.handler}: apply was given ${text}`, { option: 'apply' });
  };
  // Handlers in plain JavaScript pass anything.
  if (typeof plan !== 'object' || (plan as object | null) === null) {
    fail(`${kindOf(plan)}; give it { tag, keys, args, check, apply, reply }`);
  }
  const { tag, keys = [], args = [], check = '', apply = '' } = plan;
  if (typeof tag !== 'string' || tag === '' || tag.includes('}')) {
    fail(`the tag ${shownValue(tag)}; it must be a text that is not empty and has no "}"`);
  }
  for (const [name, text] of Object.entries({ check, apply })) {
    if (typeof text !== 'string') fail(`${kindOf(text)} as ${name}; it must be a text of Lua`);
  }
  for (const [name, list] of Object.entries({ keys, args })) {
    if (!Array.isArray(list)) fail(`${kindOf(list)} as ${name}; it must be an array`);
  }
  const row = `tercet:{${tag}}:${owner.runId}:${owner.branchId}`;
  checkSlots(keys, { tag, row, keyPrefix: owner.keyPrefix }, fail);
  return { row, keys, args: args.map((arg, index) => argOf(arg, index, fail)), check, apply };
}

function checkSlots(
  keys: readonly string[],
  { tag, row, keyPrefix }: { tag: string; row: string; keyPrefix: string },
  fail: (text: string) => never,
): void {
  const slot = hashedPart(keyPrefix + row);
  for (const key of keys) {
    if (typeof key === 'string' && hashedPart(keyPrefix + key) === slot) continue;
    fail(
      `the key ${shownValue(key)}, which does not carry the tag of the call; all keys of a call lie in one slot of a ` +
        `Redis Cluster, so write it with {${tag}} as its first braces, such as "stock:{${tag}}"`,
    );
  }
}

/** The part of a key that chooses its slot: what stands in its first braces, unless that is nothing; else all of it. */
export function hashedPart(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close);
}

function argOf(arg: RedisArg, index: number, fail: (text: string) => never): string | Buffer {
  if (typeof arg === 'string') return arg;
  if (arg instanceof Uint8Array) return Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength);
  if (typeof arg === 'bigint' || (typeof arg === 'number' && Number.isFinite(arg)))
    return String(arg);
  return fail(
    `${shownValue(arg)} as args[${index}]; it must be a text, a finite number, a bigint or bytes`,
  );
}
