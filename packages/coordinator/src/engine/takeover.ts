/**
 * What is there of a transaction that memory does not hold, and how it becomes ours.
 *
 * K1 Who only asks takes nothing: a transaction is taken over for a command that may change it, and for nothing else.
 * K2 Taking is one compare-and-set on owner and epoch; what is decided about then was read after it.
 * K3 To be called in the transaction's mailbox: nothing else happens to it here meanwhile.
 */
import { type GlobalTransaction, type TransactionEvent, isFinished } from '@tercet/core';
import type { RowFacts } from '../store/store';
import type { BatchWriter } from './batch-writer';
import { moved } from './progress';
import type { Resident } from './resident';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';

/** What taking over needs. */
export interface TakeoverDeps {
  readonly incarnation: string;
  readonly reader: StoreReader;
  readonly residents: Residents;
  readonly writer: BatchWriter;
}

/** How often a row that somebody else changes meanwhile is asked again, before the caller is sent back. */
const TRIES = 3;

/** Bounds of a takeover. */
export interface TakeOptions {
  /** Unix ms after which nobody waits for it. */
  readonly expiresAt?: number | undefined;
}

/** Takes transactions over from other nodes. */
export class Takeover {
  constructor(private readonly deps: TakeoverDeps) {}

  /**
   * What an event meets: what memory holds; what is ours, read into memory; what is undecided in other hands, taken over from
   * them; or else what the store says, and then the transaction is not ours. `row` = what a refused write told just now.
   * Rejects with MOVED where others are faster again and again, or with the store's errors.
   */
  async forEvent(
    resident: Resident,
    event: TransactionEvent,
    options: TakeOptions & { readonly row?: RowFacts | undefined },
  ): Promise<GlobalTransaction | undefined> {
    const { residents, reader } = this.deps;
    if (resident.tx === undefined && residents.isAbsent(resident.gid))
      await residents.bring(resident);
    let { row } = options;
    for (let attempt = 1; attempt <= TRIES && resident.tx === undefined; attempt++) {
      row ??= await reader.facts(resident.gid);
      if (row === undefined) return undefined;
      if (!isTakenOverBy(event, row)) return await reader.load(resident.gid);
      row = await this.take(resident, row, options);
    }
    if (resident.tx === undefined) throw moved(resident);
    return resident.tx;
  }

  /** Makes an unfinished transaction ours, in memory, whoever owns it. Rejects as `forEvent` does. */
  async now(resident: Resident): Promise<void> {
    for (let attempt = 1; attempt <= TRIES && resident.tx === undefined; attempt++) {
      const row = await this.deps.reader.facts(resident.gid);
      if (row === undefined || isFinished(row.status)) break;
      await this.take(resident, row, {});
    }
    if (resident.tx === undefined) throw moved(resident);
  }

  /** One try. Answers what the row says instead where somebody was faster; undefined = it has to be asked anew. */
  private async take(
    resident: Resident,
    row: RowFacts,
    options: TakeOptions,
  ): Promise<RowFacts | undefined> {
    const { incarnation, residents, writer } = this.deps;
    const { gid } = resident;
    const { owner, epoch, runId } = row;
    if (owner !== incarnation) {
      const operation = { kind: 'take', gid, runId, owner, epoch } as const;
      const result = await writer.write(operation, options);
      if (result.kind === 'dropped') throw result.error;
      if (result.kind === 'refused') {
        // The row is as it was, and was refused all the same: asking tells why.
        const same = result.row?.owner === owner && result.row.epoch === epoch;
        return same ? undefined : result.row;
      }
      // A sweep of ours may have been faster, and has read it by now.
      if (resident.tx === undefined) residents.took(gid);
    }
    if (resident.tx === undefined) await residents.bring(resident);
    return undefined;
  }
}

/** Whether an event takes an undecided transaction over, where it stands in other hands or was not read yet. */
function isTakenOverBy(event: TransactionEvent, { status, runId }: RowFacts): boolean {
  if (status !== 'trying' || event.kind === 'deadline') return false;
  return event.kind === 'order' || event.runId === runId;
}
