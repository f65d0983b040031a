/** What a test has left behind. */
import type { Coordinator, MemoryStore } from '@tercet/coordinator';
import { factReached } from '@tercet/core';
import type { TestClients } from './initiator/test-client';
import type { HandlersUnderWay } from './participants/handlers-under-way';

/** What may be left. */
export interface AllowedLeaks {
  /** Transactions that have not ended may be left: the test is about something else. Default false. */
  readonly unfinished?: boolean;
}

/** Where to look. */
export interface LeakSources {
  readonly coordinator: Coordinator;
  readonly store: MemoryStore;
  readonly clients: TestClients;
  readonly handlers: HandlersUnderWay;
}

/** Names of each kind that are shown. */
const SHOWN_MAX = 10;

/** Everything that is left, for people. Empty = nothing. */
export async function leaksOf(
  sources: LeakSources,
  { unfinished = false }: AllowedLeaks,
): Promise<readonly string[]> {
  const { clients, handlers } = sources;
  return [
    ...(unfinished ? [] : listed('unfinished transaction', await unfinishedIn(sources))),
    ...listed('run that has not ended', clients.names),
    ...listed('handler that has not returned', handlers.names),
  ];
}

/** The error for what is left. */
export function leakError(leaks: readonly string[]): Error {
  const hint =
    'await every run, bring transactions to their end (env.expectSettled, env.advance), or allow them: env.close({ allow: { unfinished: true } })';
  return new Error(
    `the test left something behind:\n${leaks.map((leak) => `  ${leak}`).join('\n')}\n${hint}`,
  );
}

/** A transaction whose branches have all answered has ended; only its completion is not written yet. */
async function unfinishedIn({ coordinator, store }: LeakSources): Promise<readonly string[]> {
  const { transactions } = await store.list({
    statuses: ['trying', 'confirming', 'cancelling'],
    name: undefined,
    gidPrefix: undefined,
    limit: 1_000,
    cursor: undefined,
  });
  const found: string[] = [];
  for (const { gid, name, status } of transactions) {
    const { tx } = await coordinator.transactions.get({ gid: gid, withResult: false });
    const fact = factReached(tx);
    if (fact !== 'executed' && fact !== 'settled') found.push(`${gid} (${name}) is ${status}`);
  }
  return found;
}

function listed(what: string, names: readonly string[]): readonly string[] {
  const more = names.length - SHOWN_MAX;
  return [
    ...names.slice(0, SHOWN_MAX).map((name) => `${what}: ${name}`),
    ...(more > 0 ? [`${what}: and ${more} more`] : []),
  ];
}
