/**
 * What a verb would do, without doing it: the same function that decides in the coordinator, asked about the
 * transaction as it was told. It can refuse whatever the coordinator would refuse, with the same error.
 */
import {
  type Branch,
  type BranchId,
  type GlobalTransaction,
  type OperatorEvent,
  noAttempts,
  operate,
  parseGid,
  parseRunId,
} from '@tercet/core';
import type { BranchView, TransactionView } from '@tercet/sdk/operator';

/** The branches that the event would change. Throws the TercetError with which it would be refused. */
export function previewOf(tx: TransactionView, event: OperatorEvent): readonly BranchId[] {
  const decision = operate(asDecidedOn(tx), event, tx.openedAt);
  if (decision.kind === 'rejected') throw decision.error;
  return decision.kind === 'accepted' ? decision.changed : [];
}

/** What an answer leaves out (payloads, deadlines) plays no part in what operators may do: it is left empty. */
function asDecidedOn(tx: TransactionView): GlobalTransaction {
  return {
    gid: parseGid(tx.gid),
    runId: parseRunId(tx.runId),
    name: tx.name,
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: tx.labels,
    trace: tx.trace,
    status: tx.status,
    openedAt: tx.openedAt,
    deadlineAt: tx.deadlineAt,
    decidedAt: tx.decidedAt,
    finishedAt: tx.finishedAt,
    cause: undefined,
    epoch: 0,
    branches: tx.branches.map(branchOf),
  };
}

function branchOf(view: BranchView): Branch {
  return {
    spec: {
      id: view.branch,
      action: view.action,
      mode: view.mode,
      driver: view.driver,
      dialect: view.dialect,
      target: view.target,
      methods: view.methods,
      payload: new Uint8Array(),
      confirmPayload: undefined,
      cancelPayload: undefined,
      after: [],
      deadlines: { forwardMs: 0, confirmMs: 0, cancelMs: 0 },
      retry: { firstDelayMs: 0, maxDelayMs: 0 },
      stuckAfterMs: 0,
      stuckAttempts: 0,
      parkPermanentErrors: false,
      barrier: false,
    },
    status: view.status,
    phaseOne: view.phaseOne,
    tryTold: false,
    notAfter: view.notAfter,
    attempts: noAttempts,
    parked: view.parked,
    verdict: view.verdict,
  };
}
