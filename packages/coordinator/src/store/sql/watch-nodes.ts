import type { Scheduler } from '@tercet/core';
import type { NodeReport } from '../store-report';
import type { NodeRow } from './sql-server';

/** What watching needs. */
export interface WatchDeps {
  readonly nodes: () => Promise<readonly NodeRow[]>;
  readonly scheduler: Scheduler;
  /** A node whose beat stands still for so long shows no sign of life, ms. */
  readonly nodeTtlMs: number;
}

/** Looks in each ttl. */
const LOOKS = 8;

/** Who shares the store, and whose beat rises; resolves as soon as that is known of all. */
export async function watchNodes(deps: WatchDeps): Promise<readonly NodeReport[]> {
  const first = new Map((await deps.nodes()).map(({ incarnation, beat }) => [incarnation, beat]));
  let nodes: readonly NodeReport[] = [];
  if (first.size === 0) return nodes;
  const seenAlive = new Set<string>();
  for (let look = 0; look < LOOKS; look++) {
    await pause(deps);
    nodes = (await deps.nodes()).map(({ incarnation, beat, where }) => {
      if (first.get(incarnation) !== beat) seenAlive.add(incarnation);
      return { where, alive: seenAlive.has(incarnation) };
    });
    if (nodes.every(({ alive }) => alive)) break;
  }
  return [...nodes].sort((a, b) => (a.where < b.where ? -1 : 1));
}

function pause({ scheduler, nodeTtlMs }: WatchDeps): Promise<void> {
  return new Promise((resolve) => scheduler.after(nodeTtlMs / LOOKS, resolve));
}
