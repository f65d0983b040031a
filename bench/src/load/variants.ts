/** What one transaction is, variant by variant. */
import { type Tercet, createTercet } from '@tercet/sdk';
import { bench, reservation } from '../bench-service';
import type { LoadPlan } from '../processes/calls';
import { bareStreamTransact, bareTransact } from './bare-calls';
import type { Transact } from './transact';

/** What a variant needs. */
export interface Workload {
  readonly transact: Transact;
  /** The client; undefined where there is no coordinator. */
  readonly tercet: Tercet | undefined;
}

/** How the client reaches coordinator and participants. */
const transports = {
  unary: { session: 'unary', deliver: 'unary' },
  'try-unary': { session: 'auto', deliver: 'unary' },
  streams: { session: 'auto', deliver: 'auto' },
} as const;

/** Longest wait for phase two: a transaction that is not executed by then ends the benchmark. */
const EXECUTED_WITHIN_MS = 30_000;

/** Makes the clients of a plan. */
export function workloadOf(plan: LoadPlan): Workload {
  switch (plan.variant) {
    case 'bare':
      return { transact: bareTransact(plan), tercet: undefined };
    case 'bare-stream':
      return { transact: bareStreamTransact(plan), tercet: undefined };
    case 'unary':
    case 'try-unary':
    case 'streams': {
      const tercet = createTercet({
        coordinator: plan.coordinator,
        ...transports[plan.variant],
        onWarning: (warning) => console.error('warning of the client:', warning),
      });
      return { transact: tercetTransact(plan, tercet), tercet };
    }
  }
}

function tercetTransact(plan: LoadPlan, tercet: Tercet): Transact {
  const { targets, branches, until, timedFrom } = plan;
  const uses = Array.from({ length: branches }, (_, i) => {
    return { target: targets[i % targets.length] ?? '' };
  });
  const phaseTwoWaitMs = until === 'decided' ? 0 : EXECUTED_WITHIN_MS;
  return async () => {
    let from = performance.now();
    const { status } = await tercet.run({ name: 'bench', phaseTwoWaitMs }, async (tx) => {
      await tx.all(uses.map((use) => tx.use(bench, use).reserve(reservation)));
      if (timedFrom === 'commit') from = performance.now();
    });
    if (until === 'executed' && status !== 'confirmed') {
      throw new Error(`a transaction was not executed within ${EXECUTED_WITHIN_MS / 1_000} s`);
    }
    return performance.now() - from;
  };
}
