/**
 * The value of a run as bytes, for runs that attach to it. JSON, with what JSON cannot hold as tagged objects:
 * `{ "$": "bigint", "v": "12" }`.
 *
 * V1 What comes back equals what went in, or encoding throws. Not looked at: symbol keys, properties that are not
 *    enumerable, properties of arrays beside their elements.
 * V2 An object of the user's own that looks like a tag comes back as it was.
 */

/** Turns a value into bytes and back. `T` is what the callback of `run` returns. */
export interface ResultCodec<T> {
  /** At most 64 KiB. A value that it throws for is left out and reported through `onWarning`. */
  encode(value: T): Uint8Array;
  /** Where it throws, the attached run gets `undefined`, and a warning is reported. */
  decode(bytes: Uint8Array): T;
}

/** Key of a tag. An object that has it itself is wrapped as `{ "$": "object", "v": … }`. */
const TAG = '$';

/** A value with a tag around it. */
interface Tagged {
  readonly [TAG]: string;
  readonly v?: unknown;
}

/** A value that the default codec cannot carry. */
export class UnsupportedValueError extends TypeError {
  constructor(
    /** Where in the value what stands: `value.rows[2] is a function`. */
    readonly problem: string,
  ) {
    super(`${problem}; give run a result codec, or return plain data`);
  }
}

/**
 * The default codec. It keeps null, booleans, numbers (NaN, infinities and -0 included), texts, bigints, `undefined`
 * (also as a property or an element), Dates (invalid ones included), Uint8Array and Buffer, arrays (a hole comes back
 * as `undefined`), and plain objects; one without a prototype comes back with the usual one. `encode` throws for
 * everything else: functions, symbols, class instances, Map, Set, references to itself.
 */
export const jsonCodec: ResultCodec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(plainOf(value, { path: 'value', within: [] }))),
  decode: (bytes) => valueOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))),
};

/** Where a value stands: for error texts, and to find references to itself. */
interface Place {
  readonly path: string;
  readonly within: readonly unknown[];
}

function plainOf(value: unknown, place: Place): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tagged('number', numberText(value));
    case 'bigint':
      return tagged('bigint', String(value));
    case 'undefined':
      return { [TAG]: 'undefined' };
    case 'object':
      return value === null ? null : plainObject(value, place);
    case 'function':
    case 'symbol':
      throw unsupported(place, `a ${typeof value}`);
  }
}

function plainObject(value: object, place: Place): unknown {
  if (place.within.includes(value)) throw unsupported(place, 'a reference to itself');
  if (Buffer.isBuffer(value)) return tagged('buffer', value.toString('base64'));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Uint8Array.prototype) return tagged('bytes', base64Of(value as Uint8Array));
  if (prototype === Date.prototype)
    return tagged('date', plainOf((value as Date).getTime(), place));
  const within = [...place.within, value];
  if (Array.isArray(value)) {
    return Array.from(value, (each, i) => plainOf(each, { path: `${place.path}[${i}]`, within }));
  }
  if (!isPlain(prototype)) {
    throw unsupported(place, `an instance of ${classOf(value)}`);
  }
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    plainOf(each, { path: `${place.path}.${key}`, within }),
  ]);
  const plain: unknown = Object.fromEntries(entries);
  return Object.hasOwn(value, TAG) ? tagged('object', plain) : plain;
}

/** Also true for an object of another realm, such as a test runner's. */
function isPlain(prototype: unknown): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  const root = Object(prototype) as object;
  return Object.getPrototypeOf(root) === null && Object.hasOwn(root, 'isPrototypeOf');
}

function valueOf(plain: unknown): unknown {
  if (typeof plain !== 'object' || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map(valueOf);
  return Object.hasOwn(plain, TAG) ? untagged(plain as Tagged) : valuesOf(plain);
}

function untagged({ [TAG]: kind, v }: Tagged): unknown {
  switch (kind) {
    case 'number':
      return Number(v);
    case 'bigint':
      return BigInt(String(v));
    case 'undefined':
      return undefined;
    case 'buffer':
      return Buffer.from(String(v), 'base64');
    case 'bytes':
      return new Uint8Array(Buffer.from(String(v), 'base64'));
    case 'date':
      return new Date(Number(valueOf(v)));
    case 'object':
      return valuesOf(Object(v) as object);
    default:
      throw new TypeError(`unknown tag ${JSON.stringify(kind)}: it was written by a newer version`);
  }
}

/** `fromEntries` defines properties, `__proto__` among them, and sets none. */
function valuesOf(plain: object): unknown {
  return Object.fromEntries(Object.entries(plain).map(([key, each]) => [key, valueOf(each)]));
}

function tagged(kind: string, v: unknown): Tagged {
  return { [TAG]: kind, v };
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function classOf(value: object): string {
  const { constructor } = value as { readonly constructor?: unknown };
  return typeof constructor === 'function' ? constructor.name : 'an unknown class';
}

function unsupported({ path }: Place, what: string): UnsupportedValueError {
  return new UnsupportedValueError(`${path} is ${what}`);
}
