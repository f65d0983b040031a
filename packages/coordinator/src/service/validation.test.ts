import { describe, expect, it } from '@jest/globals';
import { type BranchId, type BranchSpec, type Opening, TercetError } from '@tercet/core';
import { aBranchSpec, anOpening } from '@tercet/core/testing';
import { checkBranches, checkOpening, checkResult, checkVerdict, checkWait } from './validation';

function refusalOf(check: () => void): string {
  try {
    check();
  } catch (error) {
    if (error instanceof TercetError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const reflection = 'grpc.reflection.v1alpha.ServerReflection';
const big = new Uint8Array(1_048_577);

describe('branches', () => {
  it.each<[string, Partial<BranchSpec>, string]>([
    [
      'a mode that is not built',
      { mode: 'saga' },
      'NOT_BUILT_YET branches[0].mode: mode saga is not built yet',
    ],
    [
      'a driver that is not built',
      { driver: 'coordinator' },
      'NOT_BUILT_YET branches[0].driver: driver coordinator is not built yet',
    ],
    [
      'dtm’s dialect',
      { dialect: 'dtm' },
      'NOT_BUILT_YET branches[0].dialect: dialect dtm is not built yet',
    ],
    [
      'an order',
      { after: ['2' as BranchId] },
      'NOT_BUILT_YET branches[0].after: an order between branches is not built yet',
    ],
    [
      'an action with blanks',
      { action: 'do it' },
      'INVALID_ARGUMENT branches[0].action: 1 to 64 visible ASCII characters without blanks, got "do it"',
    ],
    [
      'a method that is no path',
      { methods: { ...aBranchSpec().methods, confirm: 'Confirm' } },
      'INVALID_ARGUMENT branches[0].confirm_method: a full gRPC method path such as /shop.StockTcc/ReserveTry, got "Confirm"',
    ],
    [
      'a method of the coordinator itself',
      { methods: { ...aBranchSpec().methods, cancel: '/tercet.v1.Coordinator/Commit' } },
      'INVALID_ARGUMENT branches[0].cancel_method: methods of tercet.v1 and grpc.* cannot be branches, got /tercet.v1.Coordinator/Commit',
    ],
    [
      'a method of gRPC’s infrastructure',
      { methods: { ...aBranchSpec().methods, forward: '/grpc.health.v1.Health/Check' } },
      'INVALID_ARGUMENT branches[0].forward_method: methods of tercet.v1 and grpc.* cannot be branches, got /grpc.health.v1.Health/Check',
    ],
    [
      'a method of gRPC’s reflection',
      { methods: { ...aBranchSpec().methods, forward: `/${reflection}/ServerReflectionInfo` } },
      `INVALID_ARGUMENT branches[0].forward_method: methods of tercet.v1 and grpc.* cannot be branches, got /${reflection}/ServerReflectionInfo`,
    ],
    [
      'a payload over the limit',
      { payload: big },
      'INVALID_ARGUMENT branches[0].payload: at most 1048576 bytes, got 1048577',
    ],
    [
      'a cancel payload over the limit',
      { cancelPayload: big },
      'INVALID_ARGUMENT branches[0].cancel_payload: at most 1048576 bytes, got 1048577',
    ],
    [
      'a deadline of zero',
      { deadlines: { forwardMs: 0, confirmMs: 1, cancelMs: 1 } },
      'INVALID_ARGUMENT branches[0].forward_deadline_ms: 1 to 86400000 milliseconds, got 0',
    ],
    [
      'a first delay above the cap',
      { retry: { firstDelayMs: 10, maxDelayMs: 5 } },
      'INVALID_ARGUMENT branches[0].retry.first_delay_ms: must not exceed max_delay_ms',
    ],
    [
      'a stuck threshold of zero',
      { stuckAfterMs: 0 },
      'INVALID_ARGUMENT branches[0].stuck_after_ms: 1 to 86400000 milliseconds, got 0',
    ],
    [
      'a stuck threshold of no attempts',
      { stuckAttempts: 0 },
      'INVALID_ARGUMENT branches[0].stuck_attempts: 1 to 1000 failed attempts, got 0',
    ],
    [
      'a stuck threshold of too many attempts',
      { stuckAttempts: 1_001 },
      'INVALID_ARGUMENT branches[0].stuck_attempts: 1 to 1000 failed attempts, got 1001',
    ],
  ])('refuses %s, naming the field', (_, over, refusal) => {
    expect(refusalOf(() => checkBranches([aBranchSpec(over)]))).toBe(refusal);
  });

  it('accepts 1 to 256 branches', () => {
    expect(refusalOf(() => checkBranches([]))).toBe(
      'INVALID_ARGUMENT branches: register at least one branch',
    );
    const many = Array.from({ length: 257 }, () => aBranchSpec());
    expect(refusalOf(() => checkBranches(many))).toBe(
      'INVALID_ARGUMENT branches: at most 256 in a transaction, got 257',
    );
    expect(refusalOf(() => checkBranches(many.slice(1)))).toBe('accepted');
  });

  it('accepts nested ones, and every threshold within its limits', () => {
    const over = [{ id: '1.2.3' as BranchId }, { stuckAttempts: 1 }, { stuckAttempts: 1_000 }];
    for (const one of over)
      expect(refusalOf(() => checkBranches([aBranchSpec(one)]))).toBe('accepted');
  });
});

describe('openings', () => {
  it.each<[string, Partial<Opening>, string]>([
    [
      'a name with blanks',
      { name: 'check out' },
      'INVALID_ARGUMENT open.name: 1 to 64 visible ASCII characters without blanks, got "check out"',
    ],
    [
      'a timeout of zero',
      { timeoutMs: 0 },
      'INVALID_ARGUMENT open.timeout_ms: 1 to 86400000 milliseconds, got 0',
    ],
    [
      'a timeout over a day',
      { timeoutMs: 86_400_001 },
      'INVALID_ARGUMENT open.timeout_ms: 1 to 86400000 milliseconds, got 86400001',
    ],
    [
      'check-back',
      { policy: { onTimeout: 'ask', phaseTwoOrder: 'all' } },
      'NOT_BUILT_YET open.policy.on_timeout: on_timeout ask is not built yet',
    ],
    [
      'no timeout',
      { policy: { onTimeout: 'none', phaseTwoOrder: 'all' } },
      'NOT_BUILT_YET open.policy.on_timeout: on_timeout none is not built yet',
    ],
    [
      'an order along a graph',
      { policy: { onTimeout: 'cancel', phaseTwoOrder: 'dag' } },
      'NOT_BUILT_YET open.policy.phase_two_order: order dag is not built yet',
    ],
    [
      'a label key with blanks',
      { labels: { 'a b': '1' } },
      'INVALID_ARGUMENT open.labels: a key has 1 to 64 visible ASCII characters, got "a b"',
    ],
    [
      'a long label',
      { labels: { a: 'x'.repeat(257) } },
      'INVALID_ARGUMENT open.labels[a]: at most 256 characters, got 257',
    ],
    [
      'too many labels',
      { labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) },
      'INVALID_ARGUMENT open.labels: at most 16, got 17',
    ],
    [
      'a label that no store keeps as it is',
      { labels: { order: 'x\0y' } },
      'INVALID_ARGUMENT open.labels[order]: no NUL and no half of a character, got "x\\u0000y"',
    ],
    [
      'a broken traceparent',
      { trace: { traceparent: 'ü', tracestate: '' } },
      'INVALID_ARGUMENT open.trace_context.traceparent: must be a W3C traceparent such as 00-<32 hex>-<16 hex>-01, got "ü"',
    ],
    [
      'a tracestate that metadata cannot carry',
      { trace: { traceparent, tracestate: 'a=\n' } },
      'INVALID_ARGUMENT open.trace_context.tracestate: at most 512 printable ASCII characters, got "a=\\n"',
    ],
  ])('refuses %s', (_, over, refusal) => {
    expect(refusalOf(() => checkOpening(anOpening(over)))).toBe(refusal);
  });

  it('accepts what lies within the limits', () => {
    expect(
      refusalOf(() =>
        checkOpening(
          anOpening({
            labels: { order: 'ä'.repeat(256) },
            trace: { traceparent, tracestate: 'a=b c' },
          }),
        ),
      ),
    ).toBe('accepted');
  });
});

it.each(['all', 'registration', 'reverse'] as const)('phase two may be in order %s', (order) => {
  const policy = { onTimeout: 'cancel', phaseTwoOrder: order } as const;
  expect(refusalOf(() => checkOpening(anOpening({ policy })))).toBe('accepted');
});

describe('a result', () => {
  it('is bounded, and may be empty', () => {
    expect(refusalOf(() => checkResult(new Uint8Array()))).toBe('accepted');
    expect(refusalOf(() => checkResult(new Uint8Array(65_536)))).toBe('accepted');
    expect(refusalOf(() => checkResult(new Uint8Array(65_537)))).toBe(
      'INVALID_ARGUMENT result: at most 65536 bytes, got 65537',
    );
  });
});

describe('a verdict', () => {
  const given = { by: 'ann@ops', reason: 'settled by hand' };

  it.each([
    ['no reason', { reason: '' }, 'reason: it must be set: 1 to 1024 characters'],
    ['a blank reason', { reason: ' \n ' }, 'reason: it must be set: 1 to 1024 characters'],
    ['a long reason', { reason: 'x'.repeat(1_025) }, 'reason: at most 1024 characters, got 1025'],
    [
      'a reason that no store keeps as it is',
      { reason: 'a\0b' },
      'reason: no NUL and no half of a character, got "a\\u0000b"',
    ],
    ['nobody', { by: '' }, 'by: it must be set: 1 to 128 characters'],
    ['a blank name', { by: '\t' }, 'by: it must be set: 1 to 128 characters'],
    ['a long name', { by: 'x'.repeat(129) }, 'by: at most 128 characters, got 129'],
  ])('of %s is refused', (_, over, refusal) => {
    expect(refusalOf(() => checkVerdict({ ...given, ...over }))).toBe(
      `INVALID_ARGUMENT ${refusal}`,
    );
  });

  it('may be as long as the limits', () => {
    const over = { by: 'x'.repeat(128), reason: 'ä'.repeat(1_024) };
    expect(refusalOf(() => checkVerdict(over))).toBe('accepted');
  });
});

describe('waits', () => {
  it('are bounded', () => {
    expect(refusalOf(() => checkWait(60_000))).toBe('accepted');
    expect(refusalOf(() => checkWait(60_001))).toBe(
      'INVALID_ARGUMENT wait_ms: at most 60000 milliseconds, got 60001; wait again for more',
    );
  });
});
