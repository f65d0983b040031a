import type { Scheduler } from '@tercet/core';
import type { Holder } from '../store-report';
import type { NodeRow } from './sql-server';

/** What watching needs. */
export interface WatchDeps {
  readonly node: () => Promise<NodeRow | undefined>;
  readonly scheduler: Scheduler;
  /** A beat that stands still for so long is nobody's any more, ms. */
  readonly nodeTtlMs: number;
}

/** Looks in each ttl. */
const LOOKS = 8;

/** Who has the store, and whether its beat rises; resolves as soon as that is known. */
export async function watchHolder({
  node,
  scheduler,
  nodeTtlMs,
}: WatchDeps): Promise<Holder | undefined> {
  const first = await node();
  if (first === undefined) return undefined;
  for (let look = 0; look < LOOKS; look++) {
    await new Promise<void>((resolve) => scheduler.after(nodeTtlMs / LOOKS, resolve));
    const now = await node();
    if (now === undefined) return undefined;
    if (now.incarnation !== first.incarnation || now.beat !== first.beat) {
      return { where: now.where, alive: true };
    }
  }
  return { where: first.where, alive: false };
}
