import { type Branch, type BranchSpec, noAttempts } from '../branch';
import type { GlobalTransaction, Opening } from '../global-transaction';
import type { BranchId, Gid, RunId } from '../ids';
import { defaultRetryPolicy } from '../retry-policy';

/** A valid opening; name what the test is about. */
export function anOpening(over: Partial<Opening> = {}): Opening {
  return {
    name: 'checkout',
    timeoutMs: 60_000,
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: {},
    trace: undefined,
    ...over,
  };
}

/** A valid branch registration; name what the test is about. */
export function aBranchSpec(over: Partial<BranchSpec> = {}): BranchSpec {
  return {
    id: '1' as BranchId,
    action: 'reserve',
    mode: 'tcc',
    driver: 'initiator',
    dialect: 'tercet',
    target: '127.0.0.1:50051',
    methods: {
      forward: '/shop.StockTcc/ReserveTry',
      confirm: '/shop.StockTcc/ReserveConfirm',
      cancel: '/shop.StockTcc/ReserveCancel',
    },
    payload: Uint8Array.of(1, 2, 3),
    confirmPayload: undefined,
    cancelPayload: undefined,
    after: [],
    deadlines: { forwardMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
    retry: defaultRetryPolicy,
    stuckAfterMs: 300_000,
    stuckAttempts: 5,
    parkPermanentErrors: false,
    barrier: false,
    ...over,
  };
}

/** A registered branch; name what the test is about. */
export function aBranch(over: Partial<Branch> = {}): Branch {
  return {
    spec: aBranchSpec(),
    status: 'registered',
    phaseOne: 'none',
    tryTold: false,
    notAfter: 1_700_000_005_000,
    attempts: noAttempts,
    parked: false,
    verdict: undefined,
    ...over,
  };
}

/** A valid transaction that is trying; name what the test is about. */
export function aTransaction(over: Partial<GlobalTransaction> = {}): GlobalTransaction {
  const opening = anOpening();
  return {
    gid: 'order-1' as Gid,
    runId: '0123456789abcdef0123456789abcdef' as RunId,
    name: opening.name,
    policy: opening.policy,
    labels: opening.labels,
    trace: undefined,
    status: 'trying',
    openedAt: 1_700_000_000_000,
    deadlineAt: 1_700_000_060_000,
    decidedAt: undefined,
    finishedAt: undefined,
    cause: undefined,
    epoch: 1,
    branches: [aBranch()],
    ...over,
  };
}
