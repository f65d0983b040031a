/** The shapes that README.md promises. Fields may be added here; nothing else may change. */
import { expect, test } from '@jest/globals';
import {
  aBranch,
  aStuckPage,
  aSummary,
  aTransaction,
  anUnreachableBranch,
  opened,
} from '../../test/support/views';
import type { BranchId } from '@tercet/core';
import { jsonText, pageJson, stuckJson, transactionJson, verbJson } from './json';

const branch = {
  branch: '2',
  service: 'shop.StockTcc',
  action: 'reserve',
  target: '127.0.0.1:50051',
  methods: {
    forward: '/shop.StockTcc/ReserveTry',
    confirm: '/shop.StockTcc/ReserveConfirm',
    cancel: '/shop.StockTcc/ReserveCancel',
  },
  mode: 'tcc',
  driver: 'initiator',
  dialect: 'tercet',
  phaseOne: 'done',
  status: 'registered',
  notAfter: '2026-01-14T10:00:05.000Z',
  attempts: 14,
  firstAt: '2026-01-14T10:00:00.040Z',
  lastAt: '2026-01-14T10:09:20.000Z',
  nextAt: '2026-01-14T10:10:02.000Z',
  lastFailure: {
    code: 'UNAVAILABLE',
    grpcCode: 14,
    message: 'connect ECONNREFUSED 10.0.3.7:50051',
    peer: null,
  },
  stuckReason: 'unreachable',
  parked: false,
  verdict: null,
  waitsFor: null,
};

test('tx list', () => {
  expect(pageJson({ transactions: [aSummary()], nextCursor: 'abc' })).toEqual({
    transactions: [
      {
        gid: 'ord-8842',
        runId: '0123456789abcdef0123456789abcdef',
        name: 'checkout',
        status: 'confirming',
        branches: 2,
        cause: 'commit',
        openedAt: '2026-01-14T10:00:00.000Z',
        decidedAt: '2026-01-14T10:00:00.035Z',
        finishedAt: null,
        tombstone: false,
      },
    ],
    nextCursor: 'abc',
  });
  const [row] = pageJson({
    transactions: [aSummary({ tombstone: true })],
    nextCursor: undefined,
  })['transactions'] as readonly object[];
  expect(row).toMatchObject({ tombstone: true });
  expect(pageJson({ transactions: [], nextCursor: undefined })).toEqual({
    transactions: [],
    nextCursor: null,
  });
});

test('tx get', () => {
  const tx = aTransaction({
    labels: { tenant: 'acme' },
    trace: { traceparent: '00-aa-bb-01', tracestate: 'x=y' },
    branches: [anUnreachableBranch()],
  });
  expect(transactionJson(tx)).toEqual({
    gid: 'ord-8842',
    runId: '0123456789abcdef0123456789abcdef',
    name: 'checkout',
    status: 'confirming',
    reached: 'decided',
    cause: 'commit',
    reason: null,
    openedAt: '2026-01-14T10:00:00.000Z',
    deadlineAt: '2026-01-14T10:00:30.000Z',
    decidedAt: '2026-01-14T10:00:00.035Z',
    finishedAt: null,
    labels: { tenant: 'acme' },
    trace: { traceparent: '00-aa-bb-01', tracestate: 'x=y' },
    branches: [branch],
    tombstone: null,
  });
});

test('a tombstone tells how many branches there were, and the digest of the result', () => {
  const tombstone = { branches: 2, resultDigest: 'ab'.repeat(32) };
  expect(transactionJson(aTransaction({ branches: [], tombstone }))).toMatchObject({
    branches: [],
    tombstone: { branches: 2, resultSha256: 'ab'.repeat(32) },
  });
  const none = { branches: 0, resultDigest: undefined };
  expect(transactionJson(aTransaction({ tombstone: none }))).toMatchObject({
    tombstone: { branches: 0, resultSha256: null },
  });
});

test('empty texts are null', () => {
  const tx = aTransaction({ reason: '', trace: { traceparent: '00-aa-bb-01', tracestate: '' } });
  expect(transactionJson(tx)).toMatchObject({
    reason: null,
    trace: { traceparent: '00-aa-bb-01', tracestate: null },
  });
});

test('an undecided transaction has the same fields, null where nothing is known', () => {
  const undecided = aTransaction({ reached: undefined, cause: undefined, decidedAt: undefined });
  expect(transactionJson(undecided)).toMatchObject({
    reached: null,
    cause: null,
    decidedAt: null,
    finishedAt: null,
    trace: null,
  });
});

test('a parked branch, one that waits, and one that was resolved', () => {
  const verdict = { asserted: 'confirmed', by: 'ann@ops', at: opened, reason: 'r' } as const;
  const branches = [
    aBranch({ parked: true }),
    aBranch({ waitsFor: '1' as BranchId }),
    aBranch({ verdict, status: 'confirmed' }),
  ];
  expect(transactionJson(aTransaction({ branches }))['branches']).toMatchObject([
    { parked: true, nextAt: null, verdict: null, waitsFor: null },
    { parked: false, waitsFor: '1' },
    {
      verdict: {
        asserted: 'confirmed',
        by: 'ann@ops',
        at: '2026-01-14T10:00:00.000Z',
        reason: 'r',
      },
    },
  ]);
});

test('retry, resume and resolve', () => {
  const transaction = aTransaction({ branches: [anUnreachableBranch()] });
  const changed = ['2' as BranchId];
  expect(verbJson({ verb: 'retry', dryRun: false, asked: [], changed, transaction })).toEqual({
    verb: 'retry',
    gid: 'ord-8842',
    dryRun: false,
    changed: ['2'],
    transaction: transactionJson(transaction),
  });
});

test('stuck', () => {
  const [first] = aStuckPage().branches;
  const page = aStuckPage({ branches: first === undefined ? [] : [first], total: 7 });
  expect(stuckJson(page)).toEqual({
    branches: [
      {
        gid: 'ord-8842',
        name: 'checkout',
        status: 'confirming',
        phase: 'confirm',
        decidedAt: '2026-01-14T10:00:00.035Z',
        branch,
      },
    ],
    total: 7,
    transactions: 2,
    now: '2026-01-14T10:09:20.000Z',
  });
});

test('the text is one value that parses, texts being whole', () => {
  const [, row] = transactionJson(aTransaction())['branches'] as readonly (typeof branch)[];
  expect(JSON.parse(jsonText({ row: row?.lastFailure.message ?? '' }))).toEqual({
    row: 'connect ECONNREFUSED 10.0.3.7:50051',
  });
});
