/** The judge of the interleavings: what can be, and what cannot. */
import { describe, expect, test } from '@jest/globals';
import { type Carried, type Effects, type Seen, canBe } from './history';
import type { Step } from './program';

let moment = 0;

/** A call after all before it; `at` = [from, to] where it overlaps others. */
function call(phase: Step['phase'], seen: Seen, over: Partial<Carried> = {}): Carried {
  moment += 2;
  const step: Step = {
    phase,
    branchId: '1',
    together: false,
    delayMs: 0,
    workMs: 0,
    mishap: 'none',
  };
  const reply = 'reply' in seen ? seen.reply : `${phase} reply`;
  return { step, reply, tried: undefined, seen, from: moment, to: moment + 1, ...over };
}

const done = (reply = 'r'): Seen => ({ kind: 'done', reply });
const duplicate = (reply = 'r'): Seen => ({ kind: 'duplicate', reply });
const unknown: Seen = { kind: 'unknown', why: '' };
const nothing: Effects = { try: 0, confirm: 0, cancel: 0, blindCancel: 0 };
const tried: Effects = { ...nothing, try: 1 };
const sold: Effects = { ...tried, confirm: 1 };
const given: Effects = { ...tried, cancel: 1 };

describe('what can be', () => {
  const histories: readonly [string, readonly Carried[], Effects][] = [
    ['nothing', [], nothing],
    ['a Try and its duplicate', [call('try', done()), call('try', duplicate())], tried],
    ['Try, Confirm', [call('try', done()), call('confirm', done('c'))], sold],
    [
      'an empty Cancel, a late Try',
      [call('cancel', { kind: 'empty' }), call('try', { kind: 'late' })],
      nothing,
    ],
    [
      'a conflict',
      [call('try', done()), call('confirm', done('c')), call('cancel', { kind: 'conflict' })],
      sold,
    ],
    [
      'an unknown Try that took effect',
      [call('try', unknown, { reply: 'x' }), call('try', duplicate('x'))],
      tried,
    ],
    ['an unknown Try that took none', [call('try', unknown), call('try', done())], tried],
    ['a Try that took none', [call('try', { kind: 'none', why: '' })], nothing],
    [
      'a Confirm that overlaps the Try it needs',
      [call('confirm', done('c'), { from: 1, to: 4 }), call('try', done(), { from: 2, to: 3 })],
      sold,
    ],
  ];
  test.each(histories)('%s', (_name, calls, left) => {
    expect(canBe(calls, left, 'skip')).toBe(true);
  });

  test('a Cancel that is called without a Try', () => {
    const calls = [call('cancel', done('c'), { tried: 'nothing' }), call('try', { kind: 'late' })];
    expect(canBe(calls, { ...nothing, blindCancel: 1 }, 'call')).toBe(true);
  });
});

describe('what cannot be', () => {
  const histories: readonly [string, readonly Carried[], Effects][] = [
    ['two Tries that both did their work', [call('try', done()), call('try', done())], tried],
    [
      'a duplicate with another reply',
      [call('try', done('a')), call('try', duplicate('b'))],
      tried,
    ],
    [
      'an effect that is there twice',
      [call('try', done()), call('try', duplicate())],
      { ...tried, try: 2 },
    ],
    ['an effect that is lost', [call('try', done())], nothing],
    [
      'a Try that takes after its Cancel',
      [call('cancel', { kind: 'empty' }), call('try', done())],
      tried,
    ],
    [
      'a second late Try that takes',
      [call('cancel', { kind: 'empty' }), call('try', { kind: 'late' }), call('try', done())],
      tried,
    ],
    ['a Confirm without a Try', [call('confirm', done('c'))], { ...nothing, confirm: 1 }],
    [
      'both ends',
      [call('try', done()), call('confirm', done('c')), call('cancel', done('x'))],
      { ...sold, cancel: 1 },
    ],
    [
      'a Cancel that misses its Try',
      [call('try', done()), call('cancel', { kind: 'empty' })],
      tried,
    ],
    [
      'a Confirm that is told another reply',
      [call('try', done('a')), call('confirm', done('c'), { tried: 'b' })],
      sold,
    ],
    ['a failed call that took effect', [call('try', { kind: 'none', why: '' })], tried],
    [
      'a Confirm that ended before its Try began',
      [call('confirm', done('c')), call('try', done())],
      sold,
    ],
  ];
  test.each(histories)('%s', (_name, calls, left) => {
    expect(canBe(calls, left, 'skip')).toBe(false);
  });

  test('a Cancel that gave back where a Cancel is skipped', () => {
    expect(canBe([call('try', done()), call('cancel', { kind: 'empty' })], given, 'skip')).toBe(
      false,
    );
  });
});
