/** What a message of several statements tells that failed (G2, G3 of packet-form.ts). */
import { describe, expect, test } from '@jest/globals';
import { packetForm } from './packet-form';
import { StatementError } from './session';

const steps = [{ sql: 'INSERT' }, { sql: 'UPDATE', expects: 2 }];
/** BEGIN, INSERT, UPDATE, its assertion, COMMIT. */
const COMMIT_PLACE = 4;

const endOf = (errno: number, sqlState: string, place: number) => {
  return packetForm.endOf(new StatementError({ errno, sqlState, message: 'no' }, place), steps);
};

describe('a message of several statements', () => {
  test('ends with COMMIT', () => {
    const { texts } = packetForm.message(steps, 'write');
    expect(texts).toHaveLength(COMMIT_PLACE + 1);
    expect(texts[COMMIT_PLACE]).toBe('COMMIT');
  });

  test.each([
    ['killed', 1317, '70100', 'unavailable', 'unknown'],
    ['out of time', 1969, '70100', 'unavailable', 'unknown'],
    ['out of room', 1114, 'HY000', 'unavailable', 'unknown'],
    ['in conflict', 1213, '40001', 'transient', 'transient'],
  ])(
    'that is %s: definite before COMMIT, there a doubt unless it is a conflict (G3)',
    (_, ...row) => {
      const [errno, sqlState, before, there] = row;
      expect(endOf(errno, sqlState, 1).failure.kind).toBe(before);
      expect(endOf(errno, sqlState, COMMIT_PLACE).failure.kind).toBe(there);
    },
  );

  test('says which step missed (G2)', () => {
    expect(endOf(1048, '23000', 3)).toMatchObject({ place: 1, missed: true });
  });
});
