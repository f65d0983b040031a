/**
 * What several memory stores of one process share, as coordinators share a server: the rows, and who is a node. There are no
 * beats: a test says who is taken for dead, and when that one finds out.
 */
import type { MemoryRow } from './memory-rows';
import type { NodesListener } from './store';

/** Rows and nodes that several {@link MemoryStore}s share. */
export class SharedMemory {
  /** By gid. */
  readonly rows = new Map<string, MemoryRow>();
  private readonly members = new Map<string, NodesListener | undefined>();
  /** Removed, and not told yet. */
  private readonly zombies = new Map<string, NodesListener | undefined>();
  private readonly removed = new Set<string>();

  /** The live nodes, in the order in which they came. */
  get nodes(): readonly string[] {
    return [...this.members.keys()];
  }

  /** Whether an incarnation is a live node. */
  isNode(incarnation: string): boolean {
    return this.members.has(incarnation);
  }

  /** Whether an incarnation knows that it was removed. */
  knowsItIsRemoved(incarnation: string): boolean {
    return this.removed.has(incarnation);
  }

  /** Makes an incarnation a node. */
  join(incarnation: string, listener: NodesListener | undefined): void {
    this.members.set(incarnation, listener);
  }

  /** A node says goodbye: the others are told that it has gone. */
  leave(incarnation: string): void {
    this.zombies.delete(incarnation);
    if (this.members.delete(incarnation)) this.tellGone();
  }

  /**
   * Takes a node for dead, as another one does that saw its beat stand still: the others are told, and so is the dead one. With
   * `told: false` that one goes on unknowing, as a process does that was paused, until {@link findOut}.
   */
  remove(incarnation: string, { told = true }: { readonly told?: boolean } = {}): void {
    if (!this.members.has(incarnation)) return;
    this.zombies.set(incarnation, this.members.get(incarnation));
    this.members.delete(incarnation);
    this.tellGone();
    if (told) this.findOut(incarnation);
  }

  /** A node that was removed finds that out, as by its next beat: its writes are refused from now on. */
  findOut(incarnation: string): void {
    if (!this.zombies.has(incarnation)) return;
    const listener = this.zombies.get(incarnation);
    this.zombies.delete(incarnation);
    this.removed.add(incarnation);
    soon(() => listener?.onRemoved());
  }

  /** Gives a row a format of another version. */
  setFormat(gid: string, format: number): void {
    const row = this.rows.get(gid);
    if (row !== undefined) this.rows.set(gid, { ...row, format });
  }

  private tellGone(): void {
    for (const listener of this.members.values()) soon(() => listener?.onGone());
  }
}

/** Listeners are never called from within the call that they are told of. */
function soon(work: () => void): void {
  void Promise.resolve().then(work);
}
