/** Transactions as the store takes them: two branches, 100 bytes each. */
import type { StoreOperation } from '@tercet/coordinator';
import {
  type Branch,
  type BranchId,
  type Gid,
  type GlobalTransaction,
  noAttempts,
} from '@tercet/core';

const OPENED_AT = 1_700_000_000_000;

/** One that was just opened. */
export function undecided(gid: Gid): GlobalTransaction {
  return {
    gid,
    runId: '0123456789abcdef0123456789abcdef' as GlobalTransaction['runId'],
    name: 'checkout',
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: {},
    trace: undefined,
    status: 'trying',
    openedAt: OPENED_AT,
    deadlineAt: OPENED_AT + 60_000,
    decidedAt: undefined,
    finishedAt: undefined,
    cause: undefined,
    epoch: 1,
    branches: [branch('1', 'stock'), branch('2', 'wallet')],
  };
}

/** What is written of one that is confirmed everywhere, in this order: its opening, its decision, its completion. */
export function wholeLife(gid: Gid): readonly [StoreOperation, StoreOperation, StoreOperation] {
  const opened = undecided(gid);
  const decided: GlobalTransaction = {
    ...opened,
    status: 'confirming',
    decidedAt: OPENED_AT + 2,
    cause: { kind: 'commit' },
    branches: opened.branches.map((one) => ({ ...one, phaseOne: 'done', tryTold: true })),
  };
  const finished: GlobalTransaction = {
    ...decided,
    status: 'confirmed',
    finishedAt: OPENED_AT + 4,
    branches: decided.branches.map((one) => ({ ...one, status: 'confirmed' })),
  };
  return [
    { kind: 'open', tx: opened },
    { kind: 'decide', tx: decided },
    { kind: 'progress', tx: finished, nextAt: undefined },
  ];
}

function branch(id: string, service: string): Branch {
  const path = `/shop.${service}/`;
  return {
    spec: {
      id: id as BranchId,
      action: 'reserve',
      mode: 'tcc',
      driver: 'initiator',
      dialect: 'tercet',
      target: `dns:///${service}.example:50051`,
      methods: { forward: `${path}Try`, confirm: `${path}Confirm`, cancel: `${path}Cancel` },
      payload: new Uint8Array(100).fill(7),
      confirmPayload: undefined,
      cancelPayload: undefined,
      after: [],
      deadlines: { forwardMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
      retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
      stuckAfterMs: 300_000,
      stuckAttempts: 5,
      parkPermanentErrors: false,
      barrier: false,
    },
    status: 'registered',
    phaseOne: 'none',
    tryTold: false,
    notAfter: OPENED_AT + 5_000,
    attempts: noAttempts,
    parked: false,
    verdict: undefined,
  };
}
