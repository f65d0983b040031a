import { describe, expect, test } from '@jest/globals';
import { assertNever } from './assert-never';

describe('assertNever', () => {
  test('names what was unexpected when a value slips past the compiler', () => {
    expect(() => assertNever('sideways' as never, 'direction')).toThrow(
      'bug: unexpected direction: sideways',
    );
  });
});
