import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TercetError } from './errors';
import {
  type BranchId,
  GID_LENGTH_MAX,
  describeText,
  isVisibleAscii,
  newGid,
  newRunId,
  parentOf,
  parseBranchId,
  parseGid,
  parseRunId,
  someOf,
} from './ids';
import { limits } from './limits';
import { ManualTime, SeededRandom } from './testing';

function errorOf(work: () => unknown): TercetError {
  try {
    work();
  } catch (error) {
    if (error instanceof TercetError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

/** Texts of any UTF-16 code units, halves of pairs among them; about half of the units are ASCII. */
function anyText(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0x80, max: 0xffff }));
  return fc.array(unit, { maxLength }).map((units) => String.fromCharCode(...units));
}

describe('parseGid', () => {
  test.each(['1', 'order-8842', 'a/b:c?d=e&f', '!~', 'x'.repeat(GID_LENGTH_MAX)])(
    'takes %s',
    (text) => {
      expect(parseGid(text)).toBe(text);
    },
  );

  const wrong = [
    '',
    ' ',
    'a b',
    'a\tb',
    'a\n',
    '\na',
    'a\u0000',
    'ä',
    '订单',
    'a\u007f',
    'x'.repeat(129),
  ];
  test.each(wrong.map((text) => [JSON.stringify(text), text]))('refuses %s', (_shown, text) => {
    const error = errorOf(() => parseGid(text));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.details).toEqual({ field: 'gid' });
    expect(error.message).toContain(`got ${describeText(text)}`);
  });

  test('keeps upper and lower case apart', () => {
    expect(parseGid('Order-1')).not.toBe(parseGid('order-1'));
  });
});

describe('parseRunId', () => {
  test('takes 32 lowercase hex digits', () => {
    const text = '0123456789abcdef'.repeat(2);
    expect(parseRunId(text)).toBe(text);
  });

  const wrong = [
    '',
    '0'.repeat(31),
    '0'.repeat(33),
    'A'.repeat(32),
    'g'.repeat(32),
    `${'0'.repeat(32)}\n`,
  ];
  test.each(wrong.map((text) => [JSON.stringify(text), text]))('refuses %s', (_shown, text) => {
    const error = errorOf(() => parseRunId(text));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.details).toEqual({ field: 'run_id' });
    const got = describeText(text);
    expect(error.message).toBe(`run_id must be 32 lowercase hex digits, got ${got}`);
  });
});

describe('parseBranchId', () => {
  const longest = `${'123456789.'.repeat(7)}123456789`;
  test.each(['1', '2', '10', '1.1', '12.3.4', '999999999', longest])('takes %s', (text) => {
    expect(parseBranchId(text)).toBe(text);
  });

  const wrong = [
    '',
    '0',
    '01',
    '1.0',
    '1.',
    '.1',
    '1..2',
    '-1',
    'a',
    '1a',
    ' 1',
    '1\n',
    '1234567890',
    '1.1234567890',
  ];
  test.each([...wrong, `${longest}0`, 'x'.repeat(10_000)])('refuses "%s"', (text) => {
    const error = errorOf(() => parseBranchId(text));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.details).toEqual({ field: 'branch_id' });
    expect(error.message).toContain(`branch_id must be a number such as 1`);
    expect(error.message).toContain(`got ${describeText(text)}`);
  });

  test('names the field that the text came in', () => {
    const error = errorOf(() => parseBranchId('x', 'branches[2].branch_id'));
    expect(error.details).toEqual({ field: 'branches[2].branch_id' });
    expect(error.message).toBe(
      'branches[2].branch_id must be a number such as 1 or 12 (nested: 1.2), got "x"',
    );
  });

  test('takes what it was made of, for every nesting that fits', () => {
    const part = fc.integer({ min: 1, max: 999_999_999 });
    const parts = fc.array(part, { minLength: 1, maxLength: limits.nestingMax });
    const ids = parts.map((numbers) => numbers.join('.'));
    fc.assert(fc.property(ids, (text) => parseBranchId(text) === text));
  });

  test.each([
    ['1.2.3.4.5.6.7.8.9', '"1.2.3.4.5.6.7.8.9" is 9 deep'],
    [`${longest}.1`, `"${longest.slice(0, 40)}…" (81 characters) is 9 deep`],
    [`1${'.1'.repeat(5_000)}`, `"${'1.'.repeat(20)}…" (10001 characters) is 5001 deep`],
  ])('refuses what is nested deeper than 8 and says so (%#)', (text, what) => {
    const error = errorOf(() => parseBranchId(text, 'branches[0].branch_id'));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.details).toEqual({ field: 'branches[0].branch_id' });
    expect(error.message).toBe(`branches[0].branch_id: branches nest at most 8 deep, ${what}`);
  });
});

describe('parentOf', () => {
  test.each([
    ['1', undefined],
    ['12', undefined],
    ['1.2', '1'],
    ['1.2.30', '1.2'],
    ['1.2.3.4.5.6.7.8', '1.2.3.4.5.6.7'],
  ])('of %s is %s', (id, parent) => {
    expect(parentOf(id as BranchId)).toBe(parent);
  });
});

describe('someOf', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}` as BranchId);

  test.each([
    [0, ''],
    [1, '1'],
    [10, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10'],
    [11, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1 more'],
    [256, '1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 246 more'],
  ])('shows %i ids as "%s"', (count, text) => {
    expect(someOf(ids(count))).toBe(text);
  });
});

describe('new ids', () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

  test('a new gid is a UUID of version 7 that parses and gives its time back', () => {
    fc.assert(
      fc.property(time, fc.integer(), (now, seed) => {
        const gid = newGid(new ManualTime(now), new SeededRandom(seed));
        expect(parseGid(gid)).toBe(gid);
        expect(gid).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
        expect(Number.parseInt(gid.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
      }),
    );
  });

  test('a new gid keeps every random bit but the six that name version and variant', () => {
    const ones = { unit: () => 0, bytes: (count: number) => new Uint8Array(count).fill(0xff) };
    const zeros = { unit: () => 0, bytes: (count: number) => new Uint8Array(count) };
    expect(newGid(new ManualTime(1), ones)).toBe('00000000-0001-7fff-bfff-ffffffffffff');
    expect(newGid(new ManualTime(1), zeros)).toBe('00000000-0001-7000-8000-000000000000');
  });

  test('new gids sort by their time', () => {
    fc.assert(
      fc.property(time, time, fc.integer(), (a, b, seed) => {
        fc.pre(a < b);
        const random = new SeededRandom(seed);
        return newGid(new ManualTime(a), random) < newGid(new ManualTime(b), random);
      }),
    );
  });

  test('a new run id is 16 random bytes that parse', () => {
    const ones = { unit: () => 0, bytes: (count: number) => new Uint8Array(count).fill(0x0f) };
    expect(newRunId(ones)).toBe('0f'.repeat(16));
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const runId = newRunId(new SeededRandom(seed));
        return parseRunId(runId) === runId;
      }),
    );
  });

  test('ids of one instant differ', () => {
    const random = new SeededRandom();
    const clock = new ManualTime();
    const ids = Array.from({ length: 1_000 }, () => [
      newGid(clock, random),
      newRunId(random),
    ]).flat();
    expect(new Set(ids).size).toBe(2_000);
  });
});

describe('isVisibleAscii', () => {
  test('is true exactly for 1 to the given number of characters from ! to ~', () => {
    fc.assert(
      fc.property(anyText(6), fc.nat({ max: 6 }), (text, max) => {
        const visible = [...text].every((c) => c >= '!' && c <= '~');
        return isVisibleAscii(text, max) === (visible && text.length >= 1 && text.length <= max);
      }),
    );
  });
});

describe('describeText', () => {
  test.each([
    ['', 'an empty text'],
    ['abc', '"abc"'],
    ['a"b\\', String.raw`"a\"b\\"`],
    ['a\u0000\u001b\u007f\u009b', String.raw`"a\u0000\u001b\u007f\u009b"`],
    ['\u2028\u202e\u200b', String.raw`"\u2028\u202e\u200b"`],
    ['x'.repeat(40), `"${'x'.repeat(40)}"`],
    ['x'.repeat(41), `"${'x'.repeat(40)}…" (41 characters)`],
    [`${'x'.repeat(39)}😀`, `"${'x'.repeat(39)}${String.raw`\ud83d`}…" (41 characters)`],
  ])('shows %j as %s', (text, shown) => {
    expect(describeText(text)).toBe(shown);
  });

  test('never shows a control or format character as it is (a terminal or a log would obey it)', () => {
    fc.assert(
      fc.property(anyText(60), (text) => {
        return !/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(describeText(text));
      }),
      { numRuns: 500 },
    );
  });
});
