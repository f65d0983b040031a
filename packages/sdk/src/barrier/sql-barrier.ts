/**
 * The barrier's engine for every SQL database: rules, restarts and last checks, over the driver's LocalDatabase.
 *
 * E1 The rows of the branch are the first statements of the local transaction, the own row's reply is the last.
 * E2 An end is OK only after the server said COMMIT. A COMMIT that failed or was not answered is BarrierError.
 * E3 Ends that do no work (duplicate, late, conflict) write nothing: they end in ROLLBACK.
 * E4 What the work throws is rethrown as it is, after ROLLBACK; only what asks for a restart is not.
 * E5 A handler that swallowed an SQL error, ended the transaction or ran DDL is never answered OK.
 */
import { ConfigError } from '../errors';
import {
  type Barrier,
  type BarrierCall,
  type BarrierEnd,
  type BarrierWork,
  NOTE_BYTES_MAX,
  REPLY_BYTES_MAX,
  type StoredTry,
  type WorkDone,
} from './barrier';
import type { BarrierSettings } from './barrier-options';
import { BranchRows } from './branch-rows';
import { Cleaning } from './cleaning';
import type { LocalDatabase, LocalTransaction, TransactionBounds } from './local-database';
import { RestartNeeded, detailsOf, refuseGivenUp, withRestarts } from './restarts';
import { handlerOf } from './rules';
import {
  cannotBeCommitted,
  commitFailure,
  failureWithin,
  statementFailure,
  workFailure,
} from './sql-failures';
import { BarrierTable } from './table-version';

/** How long a local transaction outlives its caller's deadline where its participant is lost. */
const IDLE_GRACE_MS = 5_000;
/** Taken for the time left where the caller named no deadline. */
const IDLE_MS_WITHOUT_DEADLINE = 60_000;

/** Of the time that is left, waiting for a connection may take so much: the answer is to reach the caller. */
const CONNECT_SHARE = 0.9;

/** What an empty Cancel keeps: a repeated one is answered from it. */
const NO_REPLY = new Uint8Array();

/** One call in its local transaction. */
interface Opened<Db> {
  readonly tx: LocalTransaction<Db>;
  readonly rows: BranchRows;
  readonly call: BarrierCall;
}

/**
 * A barrier in one SQL database. An adapter makes it of its driver:
 * `new SqlBarrier('pg', new PgDatabase(pool), barrierSettings('pgBarrier', options))`.
 */
export class SqlBarrier<Db> implements Barrier<Db> {
  readonly retentionMs: number;
  private readonly table: BarrierTable;
  private readonly cleaning: Cleaning;

  constructor(
    /** For messages: `knex`, `mysql2`, `pg`, `sqlite`. */
    readonly name: string,
    private readonly database: LocalDatabase<Db>,
    private readonly settings: BarrierSettings,
  ) {
    this.retentionMs = settings.retentionMs;
    this.table = new BarrierTable(database, settings);
    this.cleaning = new Cleaning(database, settings);
  }

  async carryOut(call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd> {
    const end = await withRestarts(this.settings, call, () => this.once(call, work));
    this.cleaning.onCall();
    return end;
  }

  check(): Promise<void> {
    return this.table.check();
  }

  migrate(): Promise<void> {
    return this.table.migrate();
  }

  cleanUp(): Promise<number> {
    return this.cleaning.run();
  }

  /** One local transaction, from BEGIN to its end. */
  private async once(call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd> {
    const tx = await this.barrierStatement(call, () => this.database.begin(this.bounds(call)));
    try {
      const end = await this.within(tx, call, work);
      if (end.kind !== 'done' && end.kind !== 'empty') await tx.rollback();
      return end;
    } catch (error) {
      await tx.rollback();
      throw error;
    }
  }

  private async within(
    tx: LocalTransaction<Db>,
    call: BarrierCall,
    work: BarrierWork<Db>,
  ): Promise<BarrierEnd> {
    refuseGivenUp(call);
    const { dialect } = this.database;
    const rows = new BranchRows({ tx, dialect, now: this.settings.clock.now() }, call);
    const verdict = await this.barrierStatement(call, () => rows.verdict());
    const opened = { tx, rows, call };
    switch (verdict.kind) {
      case 'run':
        return this.carriedOut(opened, work, verdict.tried);
      case 'empty':
        await this.barrierStatement(call, () => rows.finish(NO_REPLY, undefined));
        await this.commit(opened);
        return verdict;
      case 'duplicate':
      case 'late':
      case 'conflict':
        return verdict;
    }
  }

  private async carriedOut(
    opened: Opened<Db>,
    work: BarrierWork<Db>,
    tried: StoredTry | undefined,
  ): Promise<BarrierEnd> {
    const { call } = opened;
    refuseGivenUp(call);
    const done = await this.worked(opened, work, tried);
    checkSizes(call, done);
    refuseGivenUp(call);
    await this.finish(opened, done);
    await this.commit(opened);
    return { kind: 'done', reply: done.reply, note: done.note };
  }

  private async worked(
    { tx, call }: Opened<Db>,
    work: BarrierWork<Db>,
    tried: StoredTry | undefined,
  ): Promise<WorkDone> {
    await this.barrierStatement(call, async () => tx.handlerStarts());
    let done: WorkDone;
    try {
      done = await work({ db: tx.db, tried });
    } catch (error) {
      throw await this.afterThrow(tx, call, error);
    }
    const broken = await brokenness(tx);
    if (broken !== undefined) throw cannotBeCommitted(call, broken);
    return done;
  }

  /** What the handler threw, unless it may have committed before: then "nothing was applied" would be a lie. */
  private async afterThrow(
    tx: LocalTransaction<Db>,
    call: BarrierCall,
    error: unknown,
  ): Promise<unknown> {
    const failure = workFailure(this.database.dialect, error);
    const broken = await brokenness(tx);
    if (broken === undefined || failure instanceof RestartNeeded) return failure;
    return cannotBeCommitted(call, broken, error);
  }

  /** Reply and note into the own row, which must still be there. */
  private async finish({ rows, call }: Opened<Db>, done: WorkDone): Promise<void> {
    let mine: boolean;
    try {
      mine = await rows.finish(done.reply, done.note);
    } catch (error) {
      const restart = failureWithin(this.database.dialect, error) === 'restart';
      throw restart
        ? new RestartNeeded('at the last statement', error)
        : cannotBeCommitted(call, error);
    }
    if (!mine) throw cannotBeCommitted(call);
  }

  private async commit({ tx, call }: Opened<Db>): Promise<void> {
    try {
      await tx.commit();
    } catch (error) {
      throw commitFailure(this.database.dialect, call, error);
    }
  }

  private async barrierStatement<T>(call: BarrierCall, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (failureWithin(this.database.dialect, error) === 'no-table') this.table.forget();
      throw statementFailure(this.database.dialect, call, error);
    }
  }

  private bounds({ deadline }: BarrierCall): TransactionBounds {
    const leftMs =
      deadline === undefined
        ? IDLE_MS_WITHOUT_DEADLINE
        : Math.max(0, deadline - this.settings.clock.now());
    return { idleMs: leftMs + IDLE_GRACE_MS, connectMs: Math.floor(leftMs * CONNECT_SHARE) };
  }
}

/** Why the transaction is not the one any more that was begun; undefined = it is. */
async function brokenness(tx: LocalTransaction<unknown>): Promise<unknown> {
  try {
    await tx.handlerEnded();
    return undefined;
  } catch (error) {
    return error ?? new Error('the driver gave no reason');
  }
}

function checkSizes(call: BarrierCall, { reply, note }: WorkDone): void {
  if (reply.length > REPLY_BYTES_MAX) {
    throw tooLarge(call, `a reply of ${reply.length} bytes, above ${REPLY_BYTES_MAX}`);
  }
  if (note !== undefined && note.length > NOTE_BYTES_MAX) {
    throw tooLarge(call, `${note.length} bytes to keep (ctx.save), above ${NOTE_BYTES_MAX}`);
  }
}

function tooLarge(call: BarrierCall, what: string): ConfigError {
  return new ConfigError(
    `${handlerOf(call)} gave ${what}, so its local transaction was rolled back: keep large values in a table of your own, ` +
      'and only their key here',
    detailsOf(call),
  );
}
