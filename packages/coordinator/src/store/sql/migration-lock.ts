/**
 * Who brings a shared schema up to date, one at a time: a row that names the holder, and a beat that shows that it lives. Nothing
 * has to be unlocked by hand after a crash. No clocks are compared: who finds the lock taken watches its beat on a clock of its own.
 *
 * L1 A holder whose beat rises, or that has not been watched for the whole ttl, is alive.
 * L2 A dead one is replaced by compare-and-set on its name and beat: of two that try, one succeeds.
 * L3 Who finds that it was replaced goes on with no further step. A step of it that still runs may meet the same one of its
 *    successor: steps may be repeated.
 * L4 A beat that could not be written is no reason to stop: only somebody else's name is.
 */
import type { Scheduler, Timer } from '@tercet/core';
import { StoreFailure } from '../store';

/** The lock as the database keeps it. */
export interface LockRow {
  /** Name of the process that holds it; one that nobody else has. */
  readonly holder: string;
  /** Raised by its life; who sees the same one for long enough takes it for dead. */
  readonly beat: number;
  /** Host and process, for people. */
  readonly where: string;
}

/** Where the lock is kept. */
export interface LockPort {
  /** Who has it, undefined = nobody. */
  holder(): Promise<LockRow | undefined>;
  /** Puts `next` into the place of `seen` (undefined = of nobody) by compare-and-set. False = somebody else was faster. */
  replaceHolder(seen: LockRow | undefined, next: LockRow | undefined): Promise<boolean>;
}

/** What a lock needs. */
export interface MigrationLockDeps {
  readonly port: LockPort;
  readonly scheduler: Scheduler;
  /** A holder whose beat stands still for so long is dead, ms. */
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
}

/** Beats and looks in each ttl. */
const PARTS = 4;

/** The lock, as one process takes it. */
export class MigrationLock {
  private row: LockRow;
  private timer: Timer | undefined;
  private beating: Promise<void> | undefined;
  private lostTo: string | undefined;
  private over = false;

  /** @param name of this process; one that nobody else has. */
  constructor(
    private readonly deps: MigrationLockDeps,
    name: string,
  ) {
    this.row = { holder: name, beat: 0, where: deps.where };
  }

  /** Takes the lock; a dead holder is waited for, at most a ttl. False = somebody alive has it. */
  async take(): Promise<boolean> {
    const { port, nodeTtlMs } = this.deps;
    let seen = await port.holder();
    for (let looks = 0; seen !== undefined && looks < PARTS; looks++) {
      await this.pause(nodeTtlMs / PARTS);
      const now = await port.holder();
      if (now !== undefined && !isSame(now, seen)) return false;
      seen = now;
    }
    const first = { ...this.row, beat: 1 };
    if (!(await port.replaceHolder(seen, first))) return false;
    this.row = first;
    this.plan();
    return true;
  }

  /** Throws StoreFailure `transient` where somebody else has taken the lock over (L3). */
  check(): void {
    if (this.lostTo === undefined) return;
    const message = `this process was taken for dead while it changed the schema; ${this.lostTo} goes on with that`;
    throw new StoreFailure('transient', message);
  }

  /** Lets the next one take the lock at once. Never rejects. */
  async giveBack(): Promise<void> {
    this.over = true;
    this.timer?.cancel();
    await this.beating;
    if (this.lostTo !== undefined) return;
    const { port } = this.deps;
    try {
      if (await port.replaceHolder(this.row, undefined)) return;
      // The answer to the last beat may have been lost: its row is ours all the same.
      const now = await port.holder();
      if (now?.holder === this.row.holder) await port.replaceHolder(now, undefined);
    } catch {
      // It is taken for dead after the ttl.
    }
  }

  private plan(): void {
    if (this.over || this.lostTo !== undefined) return;
    this.timer = this.deps.scheduler.after(this.deps.nodeTtlMs / PARTS, () => {
      this.beating = this.beat().then(() => this.plan());
    });
  }

  private async beat(): Promise<void> {
    const { port } = this.deps;
    const next = { ...this.row, beat: this.row.beat + 1 };
    try {
      if (await port.replaceHolder(this.row, next)) {
        this.row = next;
        return;
      }
      const now = await port.holder();
      // The answer to an earlier beat may have been lost: its row is ours all the same.
      if (now?.holder === this.row.holder) this.row = now;
      else this.lostTo = now?.where ?? 'nobody';
    } catch {
      // L4
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.deps.scheduler.after(ms, resolve));
  }
}

function isSame(a: LockRow, b: LockRow): boolean {
  return a.holder === b.holder && a.beat === b.beat;
}
