import { describe, expect, test } from '@jest/globals';
import { type CallReply, type Outcome, type Phase, grpcCode, outcomeOf } from './outcome';

const phases: readonly Phase[] = ['try', 'confirm', 'cancel'];
const verdicts = [undefined, 'reject', 'retry', 'park', 'conflict', 'Reject', 'toString'] as const;

function aReply(over: Partial<CallReply>): CallReply {
  const base = { message: 'no', retryAfterMs: undefined, peer: '10.0.0.1:1', verdict: undefined };
  return { code: grpcCode.OK, ...base, ...over };
}

/** The outcome table in its shortest form. */
function expected(phase: Phase, verdict: (typeof verdicts)[number]): Outcome['kind'] {
  if (verdict === 'reject') return 'refused';
  if (verdict === 'retry') return 'again';
  const parks = verdict === 'park' || verdict === 'conflict';
  return parks && phase !== 'try' ? 'parked' : 'unknown';
}

describe('grpcCode', () => {
  test('has the numbers of the gRPC specification: 0 to 16 without a gap', () => {
    expect(Object.values(grpcCode)).toEqual(Array.from({ length: 17 }, (_, i) => i));
  });
});

describe('outcomeOf, dialect tercet', () => {
  const failure = { grpcCode: grpcCode.FAILED_PRECONDITION, message: 'no', peer: '10.0.0.1:1' };

  test.each(phases)('OK is done in %s, whatever the trailers say', (phase) => {
    for (const verdict of verdicts) {
      expect(outcomeOf('tercet', phase, aReply({ verdict }))).toEqual({ kind: 'done' });
    }
  });

  const table = phases.flatMap((phase) => verdicts.map((verdict) => [phase, verdict] as const));
  test.each(table)('FAILED_PRECONDITION in %s with the verdict %s', (phase, verdict) => {
    const outcome = outcomeOf('tercet', phase, aReply({ code: failure.grpcCode, verdict }));
    expect(outcome).toMatchObject({ kind: expected(phase, verdict), failure });
  });

  test('any other code is unknown even with a verdict: a proxy may have answered', () => {
    const { OK, FAILED_PRECONDITION, ...others } = grpcCode;
    expect([OK, FAILED_PRECONDITION]).toEqual([0, 9]);
    for (const code of [...Object.values(others), 99]) {
      for (const phase of phases) {
        for (const verdict of verdicts) {
          const outcome = outcomeOf('tercet', phase, aReply({ code, verdict }));
          expect(outcome).toEqual({ kind: 'unknown', failure: { ...failure, grpcCode: code } });
        }
      }
    }
  });

  test.each([undefined, 0, 3_000])(
    'a retry hands on its earliest next call: %s',
    (retryAfterMs) => {
      const reply = aReply({ code: failure.grpcCode, verdict: 'retry', retryAfterMs });
      expect(outcomeOf('tercet', 'try', reply)).toEqual({
        kind: 'again',
        failure,
        afterMs: retryAfterMs,
      });
    },
  );

  test('a parked branch remembers whether its barrier asked for it', () => {
    const park = aReply({ code: failure.grpcCode, verdict: 'park' });
    const conflict = aReply({ code: failure.grpcCode, verdict: 'conflict' });
    expect(outcomeOf('tercet', 'confirm', park)).toMatchObject({ conflict: false });
    expect(outcomeOf('tercet', 'cancel', conflict)).toMatchObject({ conflict: true });
  });
});

describe('other dialects', () => {
  test('dtm cannot arrive before it is built: registration refuses it', () => {
    expect(() => outcomeOf('dtm', 'try', aReply({}))).toThrow('bug: a branch of dialect dtm');
  });

  test('a dialect that nobody knows is a bug', () => {
    expect(() => outcomeOf('seata' as never, 'try', aReply({}))).toThrow('bug: unexpected dialect');
  });
});
