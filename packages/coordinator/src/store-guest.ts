import { TercetError, newGid } from '@tercet/core';
import type { Config } from './config/fields';
import { type StorePorts, storeCareOf, storeOf } from './store-of';
import type { Store } from './store/store';
import type { StoreReport } from './store/store-report';
import { nameOf } from './store-settings';

/** A store that is opened for something that no coordinator may see half done. */
export interface Guest {
  readonly config: Config;
  readonly ports: StorePorts;
  /** As which it is opened. */
  readonly incarnation: string;
}

/** An incarnation that is never used again; `purpose` says to people what for. */
export function incarnationFor(purpose: string, { clock, random }: StorePorts): string {
  return `${purpose}-${newGid(clock, random)}`;
}

/**
 * Looks at the store; changes nothing. Rejects with STORE_IN_USE where a coordinator lives on it: an embedded store knows at
 * once, on a server it shows within the ttl.
 */
export async function assertNobodyLives({ config, ports }: Guest): Promise<StoreReport> {
  const report = await storeCareOf(config, ports).check();
  const living = report.nodes.find(({ alive }) => alive);
  if (living === undefined) return report;
  const message = `a coordinator works on ${nameOf(config)} (${living.where}): stop it first, and all others`;
  throw new TercetError('STORE_IN_USE', { message });
}

/** Opens it, does the work, closes it. */
export async function whileOpen<T>(guest: Guest, work: (store: Store) => Promise<T>): Promise<T> {
  const { config, ports, incarnation } = guest;
  const store = storeOf(config, ports);
  await store.open(incarnation);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Both. */
export async function whileAlone<T>(guest: Guest, work: (store: Store) => Promise<T>): Promise<T> {
  await assertNobodyLives(guest);
  return await whileOpen(guest, work);
}
