/** Answers of a coordinator, as builders: every test names only what it is about. */
import type { BranchId } from '@tercet/core';
import type {
  BranchView,
  StuckBranch,
  StuckPage,
  TransactionSummary,
  TransactionView,
} from '@tercet/sdk/operator';

/** 2026-01-14T10:00:00.000Z, when every transaction of these tests was opened. */
export const opened = Date.UTC(2026, 0, 14, 10);

/** A branch that waits for its first Confirm. */
export function aBranch(change: Partial<BranchView> = {}): BranchView {
  return {
    branch: '1' as BranchId,
    action: 'reserve',
    service: 'shop.StockTcc',
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
    notAfter: opened + 5_000,
    attempts: 0,
    firstAt: undefined,
    lastAt: undefined,
    nextAt: undefined,
    lastFailure: undefined,
    stuckReason: undefined,
    parked: false,
    verdict: undefined,
    waitsFor: undefined,
    ...change,
  };
}

/** Fourteen attempts, nobody at home. */
export function anUnreachableBranch(change: Partial<BranchView> = {}): BranchView {
  return aBranch({
    branch: '2' as BranchId,
    attempts: 14,
    firstAt: opened + 40,
    lastAt: opened + 560_000,
    nextAt: opened + 602_000,
    lastFailure: { grpcCode: 14, message: 'connect ECONNREFUSED 10.0.3.7:50051', peer: undefined },
    stuckReason: 'unreachable',
    ...change,
  });
}

/** A transaction that confirms, one of its branches being stuck. */
export function aTransaction(change: Partial<TransactionView> = {}): TransactionView {
  return {
    gid: 'ord-8842',
    runId: '0123456789abcdef0123456789abcdef',
    name: 'checkout',
    status: 'confirming',
    reached: 'decided',
    labels: {},
    trace: undefined,
    openedAt: opened,
    deadlineAt: opened + 30_000,
    decidedAt: opened + 35,
    finishedAt: undefined,
    cause: 'commit',
    reason: '',
    branches: [aBranch({ status: 'confirmed', attempts: 1 }), anUnreachableBranch()],
    ...change,
  };
}

/** A row of `tx list`. */
export function aSummary(change: Partial<TransactionSummary> = {}): TransactionSummary {
  return {
    gid: 'ord-8842',
    runId: '0123456789abcdef0123456789abcdef',
    name: 'checkout',
    status: 'confirming',
    branches: 2,
    openedAt: opened,
    decidedAt: opened + 35,
    finishedAt: undefined,
    cause: 'commit',
    ...change,
  };
}

/** A row of `stuck`. */
export function aStuckBranch(change: Partial<StuckBranch> = {}): StuckBranch {
  return {
    gid: 'ord-8842',
    name: 'checkout',
    status: 'confirming',
    decidedAt: opened + 35,
    branch: anUnreachableBranch(),
    ...change,
  };
}

/** One branch out of reach, one that was refused. */
export function aStuckPage(change: Partial<StuckPage> = {}): StuckPage {
  const refused = aStuckBranch({
    gid: 'ord-8851',
    status: 'cancelling',
    decidedAt: opened + 440_000,
    branch: aBranch({
      action: 'hold',
      service: 'pay.HoldTcc',
      attempts: 5,
      lastFailure: { grpcCode: 9, message: 'hold expired', peer: '10.0.3.9:50051' },
      stuckReason: 'rejected',
    }),
  });
  return {
    branches: [aStuckBranch(), refused],
    total: 2,
    transactions: 2,
    now: opened + 560_000,
    ...change,
  };
}
