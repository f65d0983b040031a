import { describe, expect, test } from '@jest/globals';
import {
  type GlobalMove,
  type GlobalStatus,
  type Transition,
  branchTransitions,
  decisionOf,
  globalStatuses,
  globalTransitions,
  isFinished,
  isLegal,
  phaseTwoOf,
} from './transitions';

const moves = Object.entries(globalTransitions) as [GlobalMove, Transition<GlobalStatus>][];

/** Every status that can follow `status`, at any distance. */
function reachable(status: GlobalStatus): Set<GlobalStatus> {
  const found = new Set<GlobalStatus>();
  const visit = (from: GlobalStatus) => {
    for (const [, move] of moves) {
      if (!move.from.includes(from) || found.has(move.to)) continue;
      found.add(move.to);
      visit(move.to);
    }
  };
  visit(status);
  return found;
}

describe('the table of global moves', () => {
  test('holds the five moves and no other', () => {
    const lines = moves.map(([name, { from, to }]) => `${name}: ${from.join(', ')} -> ${to}`);
    expect(lines).toEqual([
      'commitRequested: trying -> confirming',
      'rollbackRequested: trying -> cancelling',
      'deadlinePassed: trying -> cancelling',
      'allConfirmed: confirming -> confirmed',
      'allCancelled: cancelling -> cancelled',
    ]);
  });

  test('leads nowhere back and never from one decision to the other (I2, I3, D3)', () => {
    expect([...reachable('trying')].sort()).toEqual([
      'cancelled',
      'cancelling',
      'confirmed',
      'confirming',
    ]);
    expect([...reachable('confirming')]).toEqual(['confirmed']);
    expect([...reachable('cancelling')]).toEqual(['cancelled']);
    expect(reachable('confirmed').size + reachable('cancelled').size).toBe(0);
  });

  test('uses every status, and no status is a dead end unless it is finished (I7)', () => {
    expect(new Set(['trying', ...reachable('trying')])).toEqual(new Set(globalStatuses));
    for (const status of globalStatuses)
      expect(isFinished(status)).toBe(reachable(status).size === 0);
  });

  test.each(moves)('isLegal knows where %s may start', (move, { from }) => {
    for (const status of globalStatuses) expect(isLegal(move, status)).toBe(from.includes(status));
  });
});

describe('phaseTwoOf', () => {
  test.each([
    ['confirming', 'confirm', 'confirmed'],
    ['cancelling', 'cancel', 'cancelled'],
  ] as const)(
    '%s calls %s and ends %s, branches and transaction alike (I2)',
    (status, phase, end) => {
      expect(phaseTwoOf[status]).toEqual({ phase, branchEnd: end, end });
      expect(decisionOf(status)).toBe(phase);
      expect(decisionOf(end)).toBe(phase);
    },
  );

  test('agrees with both tables of moves', () => {
    expect(phaseTwoOf.confirming.end).toBe(globalTransitions.allConfirmed.to);
    expect(phaseTwoOf.cancelling.end).toBe(globalTransitions.allCancelled.to);
    expect(phaseTwoOf.confirming.branchEnd).toBe(branchTransitions.confirmAnswered.to);
    expect(phaseTwoOf.cancelling.branchEnd).toBe(branchTransitions.cancelAnswered.to);
  });

  test.each(['trying', 'confirmed', 'cancelled'] as const)('%s calls nobody', (status) => {
    expect(phaseTwoOf[status]).toBeUndefined();
  });
});

describe('the table of branch moves', () => {
  test('ends a registered branch once, one way or the other', () => {
    expect(branchTransitions).toEqual({
      confirmAnswered: { from: ['registered'], to: 'confirmed' },
      cancelAnswered: { from: ['registered'], to: 'cancelled' },
    });
  });
});

describe('decisionOf', () => {
  test('is undefined exactly while trying', () => {
    expect(globalStatuses.filter((status) => decisionOf(status) === undefined)).toEqual(['trying']);
  });
});
