import { describe, expect, it } from '@jest/globals';
import * as proto from '@tercet/proto';
import { assertedStatus, branchStatus, phaseOneStatus, tryOutcome } from './wire-enums';
import * as wireEnums from './wire-enums';

const tables = Object.values(wireEnums);
/** Tables that leave values out on purpose. */
const parts: readonly unknown[] = [tryOutcome, assertedStatus];
const enums = proto as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;

describe('the words of the contracts’ enums', () => {
  it.each(tables)('of $name go there and back', (table) => {
    for (const word of table.words as readonly never[]) {
      expect(table.wordOf(table.toWire(word))).toBe(word);
    }
    expect(table.wordOf(0)).toBeUndefined();
    expect(table.wordOf(99)).toBeUndefined();
  });

  it.each(tables.filter((table) => !parts.includes(table)))(
    'of $name cover every value but 0',
    (table) => {
      const values = Object.values(enums[table.name] ?? {}).filter(
        (value) => typeof value === 'number',
      );
      expect(values.filter((value) => value !== 0 && table.wordOf(value) === undefined)).toEqual(
        [],
      );
      expect(table.words).toHaveLength(values.length - 1);
    },
  );

  it.each(tables)('of $name have the contracts’ names, in the same order', (table) => {
    const contract = enums[table.name] ?? {};
    const wires = table.wireNames.map((wireName) => contract[wireName]);
    expect(wires).toEqual((table.words as readonly never[]).map((word) => table.toWire(word)));
  });

  it('of a told Try are those of phase one, without started', () => {
    const { PHASE_ONE_STATUS_STARTED: started } = proto.PhaseOneStatus;
    expect(tryOutcome.wordOf(started)).toBeUndefined();
    expect(tryOutcome.words).toHaveLength(phaseOneStatus.words.length - 1);
  });

  it('of a verdict are those of a branch, without registered', () => {
    expect(assertedStatus.wordOf(proto.BranchStatus.BRANCH_STATUS_REGISTERED)).toBeUndefined();
    expect(assertedStatus.words).toHaveLength(branchStatus.words.length - 1);
  });
});
