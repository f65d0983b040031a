/**
 * A barrier in memory, for tests of what stands around one: the table of src/barrier/barrier.ts over a Map, with local
 * transactions that can be made to fail. Calls of one branch go one by one.
 */
import type { Barrier, BarrierCall, BarrierEnd, BarrierWork, StoredTry } from '@tercet/sdk';

/** What handlers work with: numbers by name. */
export interface MemoryDb {
  get(name: string): number;
  add(name: string, by: number): void;
}

interface Rows {
  try: { readonly op: 'try' | 'cancel'; readonly stored: StoredTry } | undefined;
  end: { readonly op: 'confirm' | 'cancel'; readonly reply: Uint8Array } | undefined;
}

type Phase = BarrierCall['phase'];
const nothing: StoredTry = { reply: new Uint8Array(), note: undefined };

/** One barrier with its data. */
export class MemoryBarrier implements Barrier<MemoryDb> {
  readonly name = 'memory';
  /** Committed business data. */
  readonly data = new Map<string, number>();
  /** What came, call by call. */
  readonly calls: BarrierCall[] = [];
  /** How often the table was checked. */
  checks = 0;
  /** What `check` does besides counting. */
  onCheck: () => Promise<void> | void = () => {};
  /** Local transactions that end in a deadlock after the handler has run, before one commits. */
  deadlocks = 0;
  /** Thrown in the place of everything else. */
  broken: Error | undefined;
  private readonly rows = new Map<string, Rows>();
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(readonly retentionMs = 2_592_000_000) {}

  check(): Promise<void> {
    this.checks += 1;
    return Promise.resolve(this.onCheck());
  }

  migrate(): Promise<void> {
    return Promise.resolve();
  }

  cleanUp(): Promise<number> {
    return Promise.resolve(0);
  }

  /** Forgets a branch, as cleaning too early would. */
  forget(): void {
    this.rows.clear();
  }

  async carryOut(call: BarrierCall, work: BarrierWork<MemoryDb>): Promise<BarrierEnd> {
    this.calls.push(call);
    const key = `${call.runId}/${call.branchId}`;
    const before = this.busy.get(key) ?? Promise.resolve();
    const mine = before.then(() => this.carryOutAlone(key, call, work));
    this.busy.set(
      key,
      mine.catch(() => {}),
    );
    return mine;
  }

  private async carryOutAlone(
    key: string,
    call: BarrierCall,
    work: BarrierWork<MemoryDb>,
  ): Promise<BarrierEnd> {
    if (this.broken !== undefined) throw this.broken;
    const rows = this.rows.get(key) ?? { try: undefined, end: undefined };
    const known = endOf(call.phase, rows);
    if (known !== undefined) return known;
    const tried = rows.try?.op === 'try' ? rows.try.stored : undefined;
    if (call.phase === 'cancel' && tried === undefined && call.cancelWhenTryUnknown === 'skip') {
      this.keep(key, 'cancel', nothing);
      return { kind: 'empty' };
    }
    return this.work(key, call.phase, { work, tried });
  }

  private async work(
    key: string,
    phase: Phase,
    { work, tried }: { work: BarrierWork<MemoryDb>; tried: StoredTry | undefined },
  ): Promise<BarrierEnd> {
    const open = new OpenTransaction(this.data);
    try {
      const { reply, note } = await work({ db: open, tried: phase === 'try' ? undefined : tried });
      if (this.deadlocks > 0) {
        this.deadlocks -= 1;
        return await this.work(key, phase, { work, tried });
      }
      open.commit();
      this.keep(key, phase, { reply, note });
      return { kind: 'done', reply, note };
    } finally {
      open.close();
    }
  }

  private keep(key: string, phase: Phase, stored: StoredTry): void {
    const rows = this.rows.get(key) ?? { try: undefined, end: undefined };
    if (phase === 'try') rows.try = { op: 'try', stored };
    else {
      rows.try ??= { op: 'cancel', stored: nothing };
      rows.end = { op: phase, reply: stored.reply };
    }
    this.rows.set(key, rows);
  }
}

/** What the rows alone say; undefined = the work is to be done. */
function endOf(phase: Phase, rows: Rows): BarrierEnd | undefined {
  if (phase === 'try') {
    if (rows.try?.op === 'cancel' || rows.end?.op === 'cancel') return { kind: 'late' };
    return rows.try === undefined ? undefined : { kind: 'duplicate', ...rows.try.stored };
  }
  if (rows.end?.op === phase) {
    return { kind: 'duplicate', reply: rows.end.reply, note: undefined };
  }
  if (rows.end !== undefined) {
    return { kind: 'conflict', message: `${phase} after ${rows.end.op}` };
  }
  if (phase === 'confirm' && rows.try?.op !== 'try') {
    return { kind: 'conflict', message: 'confirm of what was never tried, or was cleaned up' };
  }
  return undefined;
}

class OpenTransaction implements MemoryDb {
  private readonly changes = new Map<string, number>();
  private open = true;

  constructor(private readonly data: Map<string, number>) {}

  get(name: string): number {
    this.check();
    return this.changes.get(name) ?? this.data.get(name) ?? 0;
  }

  add(name: string, by: number): void {
    this.changes.set(name, this.get(name) + by);
  }

  commit(): void {
    for (const [name, value] of this.changes) this.data.set(name, value);
  }

  close(): void {
    this.open = false;
  }

  private check(): void {
    if (!this.open) throw new Error('this transaction has ended');
  }
}
