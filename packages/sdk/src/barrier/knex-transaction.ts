/**
 * `ctx.db` of `knexBarrier`: a transaction of knex's own, on a connection that only looks like the driver's. Every statement that knex sends
 * goes through the gate; what knex would do to begin or end the transaction does not reach the server.
 *
 * KT1 Knex begins with `BEGIN;`: the first statement, which is answered here, for the barrier has begun already.
 * KT2 `commit()` and `rollback()` of `ctx.db` are refused; those of nested transactions are savepoints, and the handler's own.
 * KT3 Streams are refused: what they read, and when, is nobody's to wait for.
 * KT4 A connection that knex gives up (a timeout of its own, while the server still works) is not used again.
 */
import type { Readable } from 'node:stream';
import type { Knex } from 'knex';
import type { HandlerGate } from './handler-gate';

/** Makes `ctx.db` on a connection that stands for the driver's. */
export async function knexTransaction(
  knex: Knex,
  connection: object,
  gate: HandlerGate,
): Promise<Knex.Transaction> {
  const trx = await knex.transaction({ connection });
  const refuse = (what: string) => (): never => {
    throw gate.refusal(what);
  };
  trx.commit = refuse('ctx.db.commit()');
  trx.rollback = refuse('ctx.db.rollback()');
  trx.isCompleted = () => gate.isOver;
  refuseStreams(trx.client as TransactionClient);
  return trx;
}

/** Tells knex's BEGIN from whatever comes after it. */
export class KnexBegin {
  private hasCome = false;

  /** Whether `sql` is knex's own BEGIN. True once. */
  is(sql: string): boolean {
    if (this.hasCome) return false;
    this.hasCome = true;
    return /^BEGIN;?$/i.test(sql);
  }
}

/** The client of a transaction, as far as it is changed here. */
interface TransactionClient {
  stream(connection: unknown, query: unknown, into: Readable): Promise<unknown>;
  transaction(begun: Begun, config: unknown, outer: unknown): unknown;
}

/** What knex calls when a transaction has begun. */
type Begun = (trx: Knex.Transaction) => unknown;

/** A transaction has a client of its own, and so has each one nested in it. */
function refuseStreams(client: TransactionClient): void {
  client.stream = async (_connection, _query, into) => {
    into.destroy(
      new Error(
        'ctx.db gives no streams: they read on when the handler has returned. Read in pieces, with limit',
      ),
    );
  };
  const nested = client.transaction.bind(client);
  client.transaction = (begun, config, outer) => {
    const guarded: Begun = (trx) => {
      refuseStreams(trx.client as TransactionClient);
      return begun(trx);
    };
    return nested(guarded, config, outer);
  };
}
