/**
 * The unfinished transactions of this incarnation that are not in memory.
 *
 * B1 Each is known by its gid, with what admission counts of it; so one that is found in other hands counts no more.
 * B2 They come back by the due scan before their next step is late, or when somebody asks for one of them.
 * B3 One that was just taken over, but could not be read yet, is read again until it can be: nobody else plans its next
 *    step.
 */
import { type Gid, type GlobalTransaction, ReleasingMap } from '@tercet/core';
import type { Admission, CountedWork } from './admission';

/** Those of ours that memory does not hold. */
export class Absentees {
  private readonly counted = new ReleasingMap<Gid, CountedWork>();
  /** Ours since a takeover, and not read since. */
  private readonly unread = new Set<Gid>();

  constructor(private readonly admission: Pick<Admission, 'workOf' | 'resume' | 'release'>) {}

  /** How many there are. */
  get size(): number {
    return this.counted.size + this.unread.size;
  }

  /** Whether it is one of them. */
  has(gid: Gid): boolean {
    return this.counted.has(gid) || this.unread.has(gid);
  }

  /** Those that were taken over and not read yet (B3). */
  get toRead(): readonly Gid[] {
    return [...this.unread];
  }

  /** All of them. */
  all(): IterableIterator<Gid> {
    return this.counted.keys();
  }

  /** A transaction leaves memory; admission goes on counting it. */
  left(tx: GlobalTransaction): void {
    this.counted.set(tx.gid, this.admission.workOf(tx));
  }

  /** One has become ours in the store; it is to be read. */
  took(gid: Gid): void {
    this.gone(gid);
    this.unread.add(gid);
  }

  /** One comes into memory: from now on it counts, if it did not already. */
  back(tx: GlobalTransaction): void {
    this.unread.delete(tx.gid);
    if (!this.counted.delete(tx.gid)) this.admission.resume(tx);
  }

  /** It is ours no more, or finished: it counts no more. */
  gone(gid: Gid): void {
    this.unread.delete(gid);
    const work = this.counted.get(gid);
    if (work === undefined) return;
    this.counted.delete(gid);
    this.admission.release(work);
  }

  /** Forgets all. */
  clear(): void {
    this.counted.clear();
    this.unread.clear();
  }
}
