/** Generated messages with every field set. */
import type { BranchState, Transaction } from '@tercet/proto';

export function aWireBranch(over: Partial<BranchState> = {}): BranchState {
  return {
    branchId: '1',
    action: 'reserve',
    mode: 1,
    driver: 1,
    dialect: 1,
    target: 'stock:1',
    forwardMethod: '/shop.StockTcc/ReserveTry',
    confirmMethod: '/shop.StockTcc/ReserveConfirm',
    cancelMethod: '/shop.StockTcc/ReserveCancel',
    after: [],
    phaseOne: 5,
    status: 1,
    notAfterUnixMs: 1_700_000_005_000n,
    attempts: 2,
    firstAttemptUnixMs: 1_700_000_002_000n,
    lastAttemptUnixMs: 1_700_000_003_000n,
    nextAttemptUnixMs: 0n,
    lastFailure: { grpcCode: 14, message: 'away', peer: '' },
    stuckReason: 2,
    parked: false,
    waitsFor: '',
    ...over,
  };
}

export function aWireTransaction(over: Partial<Transaction> = {}): Transaction {
  return {
    gid: 'order-1',
    runId: 'a'.repeat(32),
    name: 'checkout',
    status: 4,
    reached: 1,
    policy: { onTimeout: 1, phaseTwoOrder: 1, askTarget: '' },
    labels: { invoice: '7' },
    traceContext: undefined,
    openedUnixMs: 1_700_000_000_000n,
    deadlineUnixMs: 1_700_000_060_000n,
    decidedUnixMs: 1_700_000_001_000n,
    finishedUnixMs: 0n,
    cause: 3,
    reason: '',
    branches: [aWireBranch()],
    ...over,
  };
}
