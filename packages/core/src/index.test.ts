import { describe, expect, test } from '@jest/globals';
import * as core from './index';

describe('the public surface', () => {
  test('is made of values that exist', () => {
    const entries = Object.entries(core);
    expect(entries.length).toBeGreaterThan(40);
    expect(entries.filter(([, value]) => value === undefined)).toEqual([]);
  });

  test('has the words, the decisions and the errors', () => {
    expect(core.decide).toBeInstanceOf(Function);
    expect(core.withOutcome).toBeInstanceOf(Function);
    expect(core.globalTransitions.commitRequested.to).toBe('confirming');
    expect(new core.TercetError('MOVED').retryable).toBe(true);
  });

  test('leaves the twins for tests to @tercet/core/testing', () => {
    expect(Object.keys(core)).not.toContain('ManualTime');
  });
});
