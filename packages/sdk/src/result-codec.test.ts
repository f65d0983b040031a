import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jsonCodec } from './result-codec';

function roundTrip(value: unknown): unknown {
  return jsonCodec.decode(jsonCodec.encode(value));
}

const leaf = fc.oneof(
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY, ''),
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.string({ unit: 'binary' }),
  fc.bigInt(),
  // Node 20 calls two invalid dates different: they have a test of their own.
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
/** Keys and texts that a tag is made of are likely on purpose. */
const key = fc.oneof(fc.constantFrom('$', 'v', '__proto__', 'toJSON', 'constructor'), fc.string());
const looksLikeTag = fc.record(
  {
    $: fc.constantFrom('bigint', 'bytes', 'object', 'undefined', 'date', 'number', 'buffer', 'no'),
    v: fc.oneof(leaf, fc.constantFrom('12', 'x', 'NaN')),
  },
  { noNullPrototype: true },
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    looksLikeTag,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));

describe('the default codec of results', () => {
  it('V1, V2: gives back exactly what it was given', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        // Unlike jest's, this comparison does not fall for a property that is called `constructor`.
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives an invalid date back as one', () => {
    const { at } = roundTrip({ at: new Date(Number.NaN) }) as { readonly at: Date };
    expect(at).toBeInstanceOf(Date);
    expect(at.getTime()).toBeNaN();
  });

  it('keeps the kind of bytes, and only the seen part of a larger buffer', () => {
    const whole = new Uint8Array([1, 2, 3, 4, 5]);
    const back = roundTrip({ part: whole.subarray(1, 3), buffer: Buffer.from([9]) });
    expect(back).toStrictEqual({ part: new Uint8Array([2, 3]), buffer: Buffer.from([9]) });
    expect(Buffer.isBuffer((back as { part: unknown }).part)).toBe(false);
  });

  it('gives a hole in an array back as undefined, and an object without prototype as a usual one', () => {
    expect(roundTrip(new Array(2))).toStrictEqual([undefined, undefined]);
    expect(roundTrip(Object.assign(Object.create(null) as object, { a: 1 }))).toStrictEqual({
      a: 1,
    });
  });

  it('an own __proto__ stays a property', () => {
    const value: unknown = JSON.parse('{"__proto__":{"admin":true}}');
    const back = roundTrip(value) as { admin?: boolean };
    expect(back.admin).toBeUndefined();
    expect(Object.hasOwn(back, '__proto__')).toBe(true);
  });

  it('takes the same object twice, but not within itself', () => {
    const twice = { a: 1 };
    expect(roundTrip([twice, twice])).toStrictEqual([twice, twice]);
    const self: { again?: unknown } = {};
    self.again = [self];
    expect(() => jsonCodec.encode(self)).toThrow('value.again[0] is a reference to itself');
  });

  it.each([
    ['a function', { f: () => 1 }, 'value.f is a function'],
    ['a symbol', [Symbol('s')], 'value[0] is a symbol'],
    ['a Map', { deep: { map: new Map() } }, 'value.deep.map is an instance of Map'],
    ['an error', new TypeError('x'), 'value is an instance of TypeError'],
    ['another array of numbers', new Uint16Array(1), 'value is an instance of Uint16Array'],
  ])('V1: refuses %s, and says where it is', (_name, value, message) => {
    expect(() => jsonCodec.encode(value)).toThrow(message);
  });

  it('refuses bytes that are not its own', () => {
    expect(() => jsonCodec.decode(Buffer.from('{'))).toThrow();
    expect(() => jsonCodec.decode(Uint8Array.of(0xff))).toThrow();
    expect(() => jsonCodec.decode(Buffer.from('{"$":"set","v":[]}'))).toThrow('unknown tag "set"');
  });
});
