/** Begins a local transaction on a connection of `pg`, whoever lent that. */
import type { Scheduler } from '@tercet/core';
import type { Client } from 'pg';
import type { LocalTransaction } from './local-database';
import { PgSession } from './pg-session';
import { type GiveBack, PooledTransaction } from './pooled-transaction';

/** What a local transaction on a connection of `pg` is made of. */
export interface PgTransactionInit<Db> {
  readonly client: Client;
  readonly scheduler: Scheduler;
  readonly idleMs: number;
  /** Makes `ctx.db`, when the transaction has begun. */
  readonly dbOf: (session: PgSession) => Db | Promise<Db>;
  readonly giveBack: GiveBack;
}

/** Begins. The connection belongs to the transaction until it ends; where this rejects it was given back. */
export async function beginOnPg<Db>(init: PgTransactionInit<Db>): Promise<LocalTransaction<Db>> {
  let session: PgSession | undefined;
  try {
    session = new PgSession(init);
    await session.begin();
    const db = await init.dbOf(session);
    return new PooledTransaction(db, session, init.giveBack);
  } catch (error) {
    // Whatever went wrong at BEGIN, a new connection is cheaper than finding out.
    init.giveBack(error as Error);
    session?.stop();
    throw error;
  }
}
