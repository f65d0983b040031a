import type { Scheduler } from '@tercet/core';
import { type OperationResult, type Store, StoreFailure, type StoreOperation } from '../store';

/** Tries of a batch that met a conflict. */
const TRIES = 20;
const WAIT_MS = 50;

/** As `write` of the store; a conflict is no reason to give up. */
export async function patientWrite(
  store: Store,
  batch: readonly StoreOperation[],
  scheduler: Scheduler,
): Promise<readonly OperationResult[]> {
  for (let left = TRIES; ; left--) {
    try {
      return await store.write(batch);
    } catch (error) {
      if (!(error instanceof StoreFailure) || error.kind !== 'transient' || left <= 1) throw error;
      await new Promise<void>((resolve) => scheduler.after(WAIT_MS, resolve));
    }
  }
}
