/**
 * The two rows of a branch within one local transaction: takes them in order, and finds the verdict.
 *
 * R1 Slot `try` is taken before slot `end`, by every phase: two calls of a branch cannot wait for each other in a ring.
 * R2 Inserting comes before reading: a read of a row that is missing would lock a gap, and no lock says who was first.
 */
import type { BarrierCall } from './barrier';
import type { LocalTransaction } from './local-database';
import { RestartNeeded } from './restarts';
import { type FoundRow, type FoundRows, type Verdict, verdictOf } from './rules';
import type { RowKey, Slot, SqlDialect, Statement } from './sql-dialect';
import type { StatementResult } from './local-database';

/** What a BranchRows works with. */
export interface BranchRowsDeps {
  readonly tx: Pick<LocalTransaction<unknown>, 'statement'>;
  readonly dialect: SqlDialect;
  /** Unix ms: what the rows are dated with. */
  readonly now: number;
}

/** The rows of the branch of one call. */
export class BranchRows {
  constructor(
    private readonly deps: BranchRowsDeps,
    private readonly call: BarrierCall,
  ) {}

  /** Takes the rows that the call needs. The first statements of the local transaction. */
  verdict(): Promise<Verdict> {
    const { phase } = this.call;
    if (phase === 'try') return this.takeTry();
    return this.takeEnd(phase);
  }

  /** Writes what the call came to into its own row; the last statement. False: the row is not there. */
  async finish(reply: Uint8Array, note: Uint8Array | undefined): Promise<boolean> {
    const slot = this.call.phase === 'try' ? 'try' : 'end';
    const statement = this.deps.dialect.finish(this.key(slot), reply, note ?? null);
    const { affected } = await this.run(statement);
    return affected === 1;
  }

  private async takeTry(): Promise<Verdict> {
    if (await this.insert('try')) return verdictOf(this.call, NOTHING);
    const tried = await this.there('try');
    return verdictOf(this.call, { try: tried, end: await this.lock('end') });
  }

  private async takeEnd(phase: 'confirm' | 'cancel'): Promise<Verdict> {
    const both = phase === 'cancel' ? await this.bothAtOnce() : undefined;
    if (both !== undefined) return verdictOf(this.call, both);
    const taken = await this.takenAtOnce();
    if (taken !== undefined) return verdictOf(this.call, { try: taken, end: undefined });
    const tried = phase === 'confirm' ? await this.lock('try') : await this.triedOrMarked();
    const verdict = verdictOf(this.call, { try: tried, end: undefined });
    if (verdict.kind === 'conflict' || (await this.insert('end'))) return verdict;
    return verdictOf(this.call, { try: tried, end: await this.there('end') });
  }

  /** What was there before, where the server has put marker and `end` in one statement. */
  private async bothAtOnce(): Promise<FoundRows | undefined> {
    const statement = this.deps.dialect.takeBoth?.(this.row('try'), this.row('end'));
    if (statement === undefined) return undefined;
    const { rows } = await this.run(statement);
    return { try: foundIn(rows, 'try'), end: foundIn(rows, 'end') };
  }

  /** Try's row, where the server has inserted `end` behind it in the same statement. */
  private async takenAtOnce(): Promise<FoundRow | undefined> {
    const statement = this.deps.dialect.takeEnd?.(this.row('end'));
    if (statement === undefined) return undefined;
    const { rows } = await this.run(statement);
    const [row] = rows;
    return row === undefined ? undefined : foundRow({ ...row, op: 'try' });
  }

  /** Puts the marker of a Cancel where no Try was; answers what was there before. */
  private async triedOrMarked(): Promise<FoundRow | undefined> {
    return (await this.insert('try')) ? undefined : this.there('try');
  }

  private async insert(slot: Slot): Promise<boolean> {
    const { dialect } = this.deps;
    const { affected } = await this.run(dialect.insert(this.row(slot)));
    return dialect.inserted(affected);
  }

  /** A row that stood in the way of an insert. It may have been cleaned up since: then everything again. */
  private async there(slot: Slot): Promise<FoundRow> {
    const found = await this.lock(slot);
    if (found === undefined) throw new RestartNeeded('a row that was there is gone');
    return found;
  }

  private async lock(slot: Slot): Promise<FoundRow | undefined> {
    const { rows } = await this.run(this.deps.dialect.lockRow(this.key(slot)));
    const [row] = rows;
    return row === undefined ? undefined : foundRow(row);
  }

  private run({ sql, params }: Statement): Promise<StatementResult> {
    return this.deps.tx.statement(sql, params);
  }

  private key(slot: Slot): RowKey {
    const { runId, branchId } = this.call;
    return { runId, branchId, slot };
  }

  private row(slot: Slot): Parameters<SqlDialect['insert']>[0] {
    const { gid, phase: op, attempt } = this.call;
    return { ...this.key(slot), gid, op, attempt, time: this.deps.now };
  }
}

const NOTHING = { try: undefined, end: undefined } as const;

/** The row of a slot, where it was there before. An answer without it does not say that it was not. */
function foundIn(rows: StatementResult['rows'], slot: Slot): FoundRow | undefined {
  const row = rows.find((each) => each['slot'] === slot);
  if (row === undefined) throw new Error(`the server did not answer what is in slot ${slot}`);
  return Number(row['found']) === 0 ? undefined : foundRow(row);
}

function foundRow(row: Readonly<Record<string, unknown>>): FoundRow {
  return {
    op: String(row['op']) as FoundRow['op'],
    reply: bytesOf(row['reply']),
    note: bytesOf(row['tried']),
  };
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
