/**
 * The payloads of unfinished transactions, as far as they fit into memory; the others are read from the store at
 * the attempt.
 *
 * C1 The bytes held, with an allowance for each entry, stay under the limit; what was kept longest ago goes first.
 * C2 Everything here is durable: dropping an entry loses nothing.
 * C3 Bytes that were handed out stay what they are, whatever is kept or forgotten afterwards: no place is used twice.
 * C4 What is read while its transaction is forgotten is handed out, and not kept: nobody would forget it again.
 *
 * Bytes are copied into slabs, one behind the other. An array of its own for each payload took 370 bytes besides the
 * payload, and was the costliest step of a registration.
 */
import { type Branch, type BranchId, type Gid, ReleasingMap } from '@tercet/core';
import type { BranchPayloads } from '../store/store';
import type { StoreReader } from './store-reader';

/** What a kept branch costs besides its bytes: its entry, and a view for its payload. */
const ENTRY_BYTES = 200;
/** Bytes of a slab; what is larger has one of its own. */
const SLAB_BYTES = 128 * 1_024;

/** Some bytes, and those who have a part of them. */
interface Slab {
  readonly bytes: Uint8Array;
  used: number;
  readonly gids: Set<Gid>;
}

interface PayloadsOfBranch extends BranchPayloads {
  readonly id: BranchId;
}

interface Kept extends PayloadsOfBranch {
  readonly slab: Slab;
}

/** Bounded by bytes. */
export class PayloadCache {
  private readonly entries = new ReleasingMap<Gid, readonly Kept[]>();
  /** The oldest first; the last one is being filled. */
  private slabs: Slab[] = [];
  private slabBytes = 0;
  private count = 0;
  /** Reads under way, those of one gid together; a gid that is forgotten has none any more (C4). */
  private readonly reads = new Map<Gid, { running: number }>();

  constructor(
    private readonly reader: StoreReader,
    private readonly bytesMax: number,
  ) {}

  /** Bytes held, allowances included. */
  get bytes(): number {
    return this.slabBytes + this.count * ENTRY_BYTES;
  }

  /** Keeps what these branches send; those that are kept already stay. */
  keep(gid: Gid, branches: readonly Branch[]): void {
    const before = this.entries.get(gid);
    const specs = branches.map(({ spec }) => spec);
    if (before === undefined) return this.add(gid, specs);
    const known = new Set(before.map(({ id }) => id));
    this.add(
      gid,
      specs.filter(({ id }) => !known.has(id)),
    );
  }

  /** What a branch sends, where it is in memory. */
  peek(gid: Gid, branchId: BranchId): BranchPayloads | undefined {
    return this.entries.get(gid)?.find(({ id }) => id === branchId);
  }

  /** What a branch sends; undefined where the store does not keep it either. Rejects with STORE_UNAVAILABLE. */
  async of(gid: Gid, branchId: BranchId): Promise<BranchPayloads | undefined> {
    const kept = this.peek(gid, branchId);
    if (kept !== undefined) return kept;
    const reads = this.reads.get(gid) ?? { running: 0 };
    this.reads.set(gid, reads);
    reads.running++;
    try {
      const read = await this.reader.loadPayloads(gid, branchId);
      const wanted = this.reads.get(gid) === reads;
      if (wanted && read !== undefined && this.peek(gid, branchId) === undefined) {
        this.add(gid, [{ id: branchId, ...read }]);
      }
      return read;
    } finally {
      reads.running--;
      if (reads.running === 0 && this.reads.get(gid) === reads) this.reads.delete(gid);
    }
  }

  /** The transaction is finished or gone from memory. */
  forget(gid: Gid): void {
    this.reads.delete(gid);
    const kept = this.entries.get(gid);
    if (kept === undefined) return;
    this.entries.delete(gid);
    this.count -= kept.length;
    for (const { slab } of kept) {
      slab.gids.delete(gid);
      if (slab.gids.size === 0 && slab !== this.slabs.at(-1)) this.drop(slab);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.reads.clear();
    this.entries.clear();
    this.slabs = [];
    this.slabBytes = 0;
    this.count = 0;
  }

  private add(gid: Gid, branches: readonly PayloadsOfBranch[]): void {
    const fitting = branches.filter((one) => bytesOf(one) + ENTRY_BYTES <= this.bytesMax);
    if (fitting.length === 0) return;
    const kept = fitting.map((one) => this.copied(gid, one));
    const before = this.entries.get(gid);
    this.entries.set(gid, before === undefined ? kept : [...before, ...kept]);
    this.count += kept.length;
    this.makeRoom();
  }

  private copied(gid: Gid, branch: PayloadsOfBranch): Kept {
    const { id, payload, confirmPayload, cancelPayload } = branch;
    const slab = this.slabFor(bytesOf(branch));
    slab.gids.add(gid);
    return {
      id,
      slab,
      payload: copyInto(slab, payload),
      confirmPayload: confirmPayload && copyInto(slab, confirmPayload),
      cancelPayload: cancelPayload && copyInto(slab, cancelPayload),
    };
  }

  private slabFor(size: number): Slab {
    const last = this.slabs.at(-1);
    if (last !== undefined && last.used + size <= last.bytes.length) return last;
    // One that is full of what is forgotten was kept for being the last.
    if (last?.gids.size === 0) this.drop(last);
    const capacity = Math.max(size, Math.min(SLAB_BYTES, Math.floor(this.bytesMax / 8)));
    const slab = { bytes: new Uint8Array(capacity), used: 0, gids: new Set<Gid>() };
    this.slabs.push(slab);
    this.slabBytes += capacity;
    return slab;
  }

  /** Forgets whoever has a part of the oldest slab, until what is left fits. */
  private makeRoom(): void {
    while (this.bytes > this.bytesMax) {
      const [oldest] = this.slabs;
      if (oldest === undefined) return;
      for (const gid of [...oldest.gids]) this.forget(gid);
      this.drop(oldest);
    }
  }

  private drop(slab: Slab): void {
    const at = this.slabs.indexOf(slab);
    if (at === -1) return;
    this.slabs.splice(at, 1);
    this.slabBytes -= slab.bytes.length;
  }
}

function bytesOf({ payload, confirmPayload, cancelPayload }: BranchPayloads): number {
  return payload.length + (confirmPayload?.length ?? 0) + (cancelPayload?.length ?? 0);
}

function copyInto(slab: Slab, bytes: Uint8Array): Uint8Array {
  const end = slab.used + bytes.length;
  slab.bytes.set(bytes, slab.used);
  const copy = slab.bytes.subarray(slab.used, end);
  slab.used = end;
  return copy;
}
