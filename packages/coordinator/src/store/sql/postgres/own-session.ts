/**
 * Proxies that give every transaction whatever session of the server is free (pgbouncer calls that transaction pooling). What a
 * session was told, and the statements that it has prepared, are not known to the next one: time limits, the planner's settings
 * and the encoding of answers would be those of somebody else. So such a proxy is refused.
 *
 * A proxy shows in the number of the session, which it makes up. One that keeps a session for each connection is fine: so the
 * number alone is no reason, only that the session was really given to somebody else.
 */
import { type Scheduler, TercetError } from '@tercet/core';
import type { Client } from 'pg';

/** What has to be known of a connection. */
export interface SessionProof {
  readonly client: Client;
  /** Number of the session as the server itself names it. */
  readonly pid: number;
  /** Makes another connection to the same address. */
  readonly another: () => Promise<Client>;
  /** Ends waiting for a proxy that has no second session left. */
  readonly scheduler: Scheduler;
}

const KEPT_MS = 2_000;

/** What is said of such a proxy. */
export const pooledText =
  'a proxy between here and PostgreSQL gives every transaction another session (as pgbouncer does with pool_mode = transaction): ' +
  'connect to the server itself, or let the proxy keep one session for each connection (pool_mode = session)';

/** Rejects with CONFIG_INVALID where transactions of one connection meet different sessions. */
export async function assertOwnSession(proof: SessionProof): Promise<void> {
  const { client, pid, another } = proof;
  const announced = announcedPid(client);
  if (announced === undefined || announced === pid) return;
  const mark = `${announced} ${pid}`;
  const other = await another();
  try {
    await client.query("SELECT set_config('tercet.session', $1, false)", [mark]);
    // A transaction that stays open holds a session: where they are shared, most likely the one that was used last.
    await other.query('BEGIN');
    if ((await markOf(proof)) !== mark)
      throw new TercetError('CONFIG_INVALID', { message: pooledText });
  } finally {
    await other.end().catch(() => undefined);
  }
}

async function markOf({ client, scheduler }: SessionProof): Promise<string | undefined> {
  const asked = client
    .query<{ readonly mark: string | null }>(
      "SELECT current_setting('tercet.session', true) AS mark",
    )
    .then(({ rows }) => rows[0]?.mark ?? undefined);
  return await new Promise((resolve, reject) => {
    const timer = scheduler.after(KEPT_MS, () => resolve(undefined));
    asked.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** The number that came with the welcome; the driver keeps it, its types do not know. */
function announcedPid(client: Client): number | undefined {
  const { processID } = client as Client & { readonly processID?: unknown };
  return typeof processID === 'number' ? processID : undefined;
}
