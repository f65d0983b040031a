import { describe, expect, it } from '@jest/globals';
import { limits } from '@tercet/core';
import { SeededRandom } from '@tercet/core/testing';
import {
  type BranchState,
  Fact,
  type RegisteredBranch,
  SessionAnswer,
  SessionResponse,
  type Transaction,
} from '@tercet/proto';
import { answerBytes } from './answer-size';
import type { Answer } from './carry-out';

const random = new SeededRandom(7);
const upTo = (max: number): number => Math.floor(random.unit() * (max + 1));
const ascii = (max: number): string => 'x'.repeat(upTo(max));
const words = (max: number): string => 'ä€🜲'.repeat(upTo(max / 4));
const some = <T>(max: number, make: () => T): T[] => Array.from({ length: upTo(max) }, make);
const time = (): bigint => BigInt(1_700_000_000_000 + upTo(1_000_000));

function aBranch(): BranchState {
  return {
    branchId: `${upTo(256)}.${upTo(256)}`,
    action: ascii(limits.nameLengthMax),
    mode: 1,
    driver: 1,
    dialect: 1,
    target: ascii(limits.targetLengthMax),
    forwardMethod: ascii(limits.methodLengthMax),
    confirmMethod: ascii(limits.methodLengthMax),
    cancelMethod: ascii(limits.methodLengthMax),
    after: some(3, () => ascii(8)),
    phaseOne: upTo(4),
    status: upTo(3),
    notAfterUnixMs: time(),
    attempts: upTo(1_000_000),
    firstAttemptUnixMs: time(),
    lastAttemptUnixMs: time(),
    nextAttemptUnixMs: time(),
    lastFailure: maybe(() => ({ grpcCode: 14, message: words(1_024), peer: ascii(60) })),
    stuckReason: upTo(8),
    parked: true,
    verdict: maybe(() => ({ asserted: 2, by: words(128), atUnixMs: time(), reason: words(1_024) })),
    waitsFor: ascii(20),
  };
}

function aTransaction(): Transaction {
  return {
    gid: ascii(128),
    runId: 'f'.repeat(32),
    name: ascii(64),
    status: 3,
    reached: 3,
    policy: { onTimeout: 1, phaseTwoOrder: 2, askTarget: '' },
    labels: Object.fromEntries(some(16, () => [ascii(64), words(256)])),
    traceContext: maybe(() => ({ traceparent: ascii(55), tracestate: ascii(512) })),
    openedUnixMs: time(),
    deadlineUnixMs: time(),
    decidedUnixMs: time(),
    finishedUnixMs: time(),
    cause: 2,
    reason: words(1_024),
    branches: some(20, aBranch),
  };
}

function maybe<T>(make: () => T): T | undefined {
  return random.unit() < 0.5 ? undefined : make();
}

const registeredBranch = (): RegisteredBranch => ({
  branchId: `${upTo(256)}`,
  notAfterUnixMs: time(),
});
const found = (): { transaction: Transaction; result: Buffer | undefined } => ({
  transaction: aTransaction(),
  result: maybe(() => Buffer.alloc(upTo(limits.resultBytesMax))),
});
const decision = (): { status: number; reached: Fact; pending: BranchState[] } => ({
  status: 2,
  reached: Fact.FACT_DECIDED,
  pending: some(20, aBranch),
});
const failure = (): Answer => ({
  $case: 'failure',
  value: {
    grpcCode: 9,
    message: words(2_048),
    info: {
      code: 'WRONG_STATUS',
      retryable: true,
      details: Object.fromEntries(some(4, () => [ascii(20), words(200)])),
      hint: words(200),
    },
  },
});

const kinds: Record<string, () => Answer> = {
  registered: () => ({
    $case: 'registered',
    value: { status: 1, remainingMs: 4e9, branches: some(256, registeredBranch) },
  }),
  committed: () => ({ $case: 'committed', value: decision() }),
  rolledBack: () => ({ $case: 'rolledBack', value: decision() }),
  got: () => ({ $case: 'got', value: found() }),
  waited: () => ({ $case: 'waited', value: found() }),
  failure,
};

describe('the size of an answer', () => {
  it.each(Object.entries(kinds))('%s: is never told too small, nor far too large', (_, make) => {
    for (let i = 0; i < 100; i++) {
      const answer: SessionAnswer = { id: 0xffff_ffff, answer: make() };
      const alone = SessionResponse.encode({ hello: undefined, answers: [answer], drain: false });
      const bytes = alone.finish().length;
      expect(answerBytes(answer)).toBeGreaterThanOrEqual(bytes);
      // What is fixed of each part is told at its largest.
      expect(answerBytes(answer)).toBeLessThan(2 * bytes + 500);
    }
  });

  it('of an answer without content is that of its id', () => {
    const bytes = SessionAnswer.encode({ id: 7 }).finish().length;
    expect(answerBytes({ id: 7 })).toBeGreaterThanOrEqual(bytes);
  });
});
