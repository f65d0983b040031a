/**
 * A database in memory with what the barrier needs of one: rows, locks that are waited for, deadlocks, and faults on demand. The
 * engine is tested against it; its time is a ManualTime.
 */
import type { ManualTime } from '@tercet/core/testing';
import type {
  LocalDatabase,
  LocalTransaction,
  SqlValue,
  StatementResult,
  TransactionBounds,
} from '../../src/barrier/local-database';
import type { NewRow, RowKey, SqlDialect, SqlFailure } from '../../src/barrier/sql-dialect';

/** What a handler works with: its effects count once they are committed. */
export interface MemoryDb {
  /** Part of the local transaction. */
  effect(name: string): void;
  /** As a swallowed deadlock does: everything so far is gone, and the next statement begins anew. */
  loseTransaction(): void;
  /** As a COMMIT of the handler's own does. `noticed`: by the adapter. */
  commitItself(options: { readonly noticed: boolean }): void;
}

/** Something that a test may make fail: `begin`, a statement's name with its slot (`insert try`), `handlerEnded`, `commit`. */
export type Step = string;

/** What happens at a step. `lost`: it takes effect and then fails. */
export interface Fault {
  readonly error: Error;
  readonly lost?: boolean;
}

/** An error that the dialect takes for `failure`. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';

  constructor(readonly failure: SqlFailure) {
    super(`the server says ${failure}`);
  }
}

interface Row {
  readonly op: string;
  readonly gid: string;
  readonly attempt: number;
  readonly time: number;
  reply: Uint8Array | null;
  tried: Uint8Array | null;
}

const lockWaitMs = 1_000;

/** Statements are words and JSON: `insert try`. */
export function memoryDialect(
  options: { readonly takeEnd?: boolean; readonly takeBoth?: boolean } = {},
): SqlDialect {
  const keyed = (key: RowKey): SqlValue[] => [key.runId, key.branchId, key.slot];
  const values = (row: NewRow): SqlValue[] => [
    ...keyed(row),
    row.gid,
    row.op,
    row.attempt,
    row.time,
  ];
  const base: SqlDialect = {
    family: 'sqlite',
    lockWaitMs,
    insert: (row) => ({ sql: `insert ${row.slot}`, params: values(row) }),
    inserted: (affected) => affected === 1,
    lockRow: (key) => ({ sql: `lock ${key.slot}`, params: keyed(key) }),
    finish: (key, reply, note) => ({
      sql: `finish ${key.slot}`,
      params: [...keyed(key), reply, note],
    }),
    failureOf: (error) => (error instanceof MemoryError ? error.failure : 'other'),
    migration: ['create table', 'create version'],
    readVersion: 'version',
    cleanUp: (before, limit) => ({ sql: 'clean', params: [before, limit] }),
  };
  return {
    ...base,
    ...(options.takeEnd === true && {
      takeEnd: (row) => ({ sql: 'take end', params: values(row) }),
    }),
    ...(options.takeBoth === true && {
      takeBoth: (marker, end) => ({ sql: 'both', params: [...values(marker), ...values(end)] }),
    }),
  };
}

/** The database. */
export class MemoryDatabase implements LocalDatabase<MemoryDb> {
  readonly rows = new Map<string, Row>();
  /** Committed effects, in the order of their commits. */
  readonly effects: string[] = [];
  /** Every step of every transaction, in order. */
  readonly trace: Step[] = [];
  readonly bounds: TransactionBounds[] = [];
  readonly locks = new Map<string, MemoryTransaction>();
  /** undefined = there is no table. */
  version: number | undefined = 1;
  openCount = 0;
  /** Asked at every step; what it answers happens. */
  fault: (step: Step) => Fault | undefined = () => undefined;

  constructor(
    readonly time: ManualTime,
    readonly dialect: SqlDialect = memoryDialect(),
  ) {}

  async begin(bounds: TransactionBounds): Promise<LocalTransaction<MemoryDb>> {
    this.bounds.push(bounds);
    this.step('begin');
    this.openCount += 1;
    return new MemoryTransaction(this);
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    this.step(`outside ${sql}`);
    if (sql.startsWith('create')) this.version ??= 1;
    if (this.version === undefined) throw new MemoryError('no-table');
    if (sql.startsWith('UPDATE tercet_barrier_version')) this.version = Math.max(1, this.version);
    if (sql === 'version') return { rows: [{ version: this.version }], affected: 0 };
    if (sql === 'clean') return { rows: [], affected: this.clean(params) };
    return { rows: [], affected: 0 };
  }

  /** Throws the fault of a step, unless it is to take effect first. */
  step(name: Step): Fault | undefined {
    this.trace.push(name);
    const fault = this.fault(name);
    if (fault !== undefined && fault.lost !== true) throw fault.error;
    return fault;
  }

  private clean([before, limit]: readonly SqlValue[]): number {
    const ended = [...this.rows]
      .filter(([key, row]) => key.endsWith(' end') && row.time < Number(before))
      .slice(0, Number(limit));
    let removed = 0;
    for (const [key] of ended) {
      for (const each of [key, key.replace(/end$/, 'try')]) {
        if (this.rows.delete(each)) removed += 1;
      }
    }
    return removed;
  }
}

class MemoryTransaction implements LocalTransaction<MemoryDb> {
  readonly db: MemoryDb;
  waitsFor: MemoryTransaction | undefined;
  private undo: (() => void)[] = [];
  private effects: string[] = [];
  private wakers: (() => void)[] = [];
  private brokenBy: string | undefined;
  private state: 'open' | 'over' = 'open';

  constructor(private readonly database: MemoryDatabase) {
    this.db = {
      effect: (name) => void this.effects.push(name),
      loseTransaction: () => this.revert(),
      commitItself: ({ noticed }) => {
        this.keep();
        if (noticed) this.brokenBy = 'the handler sent COMMIT';
      },
    };
  }

  async statement(sql: string, params: readonly SqlValue[]): Promise<StatementResult> {
    this.database.step(sql);
    if (this.database.version === undefined) throw new MemoryError('no-table');
    const [verb] = sql.split(' ');
    if (verb === 'take') return this.takeEnd(params);
    if (verb === 'both') return this.takeBoth(params);
    const key = params.slice(0, 3).join(' ');
    await this.lock(key);
    if (verb === 'insert') return this.insert(key, params.slice(3));
    if (verb === 'finish') return this.finish(key, params.slice(3));
    const row = this.database.rows.get(key);
    return { rows: row === undefined ? [] : [{ ...row }], affected: 0 };
  }

  handlerStarts(): void {
    this.database.step('handlerStarts');
  }

  async handlerEnded(): Promise<void> {
    this.database.step('handlerEnded');
    if (this.brokenBy !== undefined) throw new Error(this.brokenBy);
  }

  async commit(): Promise<void> {
    const fault = this.database.step('commit');
    this.keep();
    this.end();
    if (fault !== undefined) throw fault.error;
  }

  async rollback(): Promise<void> {
    if (this.state === 'over') return;
    this.database.trace.push('rollback');
    this.revert();
    this.end();
  }

  private async takeEnd(params: readonly SqlValue[]): Promise<StatementResult> {
    const branch = params.slice(0, 2).join(' ');
    const tried = `${branch} try`;
    await this.lock(tried);
    const row = this.database.rows.get(tried);
    if (row?.op !== 'try') return { rows: [], affected: 0 };
    const end = `${branch} end`;
    await this.lock(end);
    const { affected } = this.insert(end, params.slice(3));
    return { rows: affected === 1 ? [{ reply: row.reply, tried: row.tried }] : [], affected };
  }

  /** A row `end` that was there is spoilt, as a server may do: whoever finds one has to roll back. */
  private async takeBoth(params: readonly SqlValue[]): Promise<StatementResult> {
    const answered: StatementResult['rows'][number][] = [];
    for (const own of [params.slice(0, 7), params.slice(7)]) {
      const key = own.slice(0, 3).join(' ');
      await this.lock(key);
      const found = this.insert(key, own.slice(3)).affected === 1 ? 0 : 1;
      const [, , slot] = own;
      answered.push({ ...this.database.rows.get(key), slot, found });
      if (found === 1 && slot === 'end') this.spoil(key);
    }
    return { rows: answered, affected: answered.length };
  }

  private spoil(key: string): void {
    const { rows } = this.database;
    const row = rows.get(key) as Row;
    rows.set(key, { ...row, attempt: -1 });
    this.undo.push(() => void rows.set(key, row));
  }

  private insert(key: string, [gid, op, attempt, time]: readonly SqlValue[]): StatementResult {
    const { rows } = this.database;
    if (rows.has(key)) return { rows: [], affected: 0 };
    rows.set(key, {
      gid: String(gid),
      op: String(op),
      attempt: Number(attempt),
      time: Number(time),
      reply: null,
      tried: null,
    });
    this.undo.push(() => void rows.delete(key));
    return { rows: [], affected: 1 };
  }

  private finish(key: string, [reply, tried]: readonly SqlValue[]): StatementResult {
    const row = this.database.rows.get(key);
    if (row === undefined) return { rows: [], affected: 0 };
    const before = { reply: row.reply, tried: row.tried };
    Object.assign(row, { reply, tried });
    this.undo.push(() => Object.assign(row, before));
    return { rows: [], affected: 1 };
  }

  /** Waits for the lock; a ring of waiting transactions is a deadlock of the last that joined it. */
  private async lock(key: string): Promise<void> {
    const { locks, time } = this.database;
    const giveUpAt = time.now() + lockWaitMs;
    for (let holder = locks.get(key); holder !== undefined && holder !== this; ) {
      if (time.now() >= giveUpAt) throw new MemoryError('locked');
      this.waitsFor = holder;
      if (this.inRing()) {
        this.waitsFor = undefined;
        throw new MemoryError('restart');
      }
      await holder.over(giveUpAt - time.now());
      this.waitsFor = undefined;
      holder = locks.get(key);
    }
    locks.set(key, this);
  }

  private inRing(): boolean {
    for (let at = this.waitsFor; at !== undefined; at = at.waitsFor) {
      if (at === this) return true;
    }
    return false;
  }

  private over(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.database.time.after(withinMs, resolve);
      this.wakers.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  private keep(): void {
    this.database.effects.push(...this.effects);
    this.effects = [];
    this.undo = [];
    this.release();
  }

  private revert(): void {
    for (const each of this.undo.reverse()) each();
    this.effects = [];
    this.undo = [];
    this.release();
  }

  private release(): void {
    for (const [key, holder] of this.database.locks) {
      if (holder === this) this.database.locks.delete(key);
    }
    for (const wake of this.wakers.splice(0)) wake();
  }

  private end(): void {
    this.state = 'over';
    this.database.openCount -= 1;
  }
}
