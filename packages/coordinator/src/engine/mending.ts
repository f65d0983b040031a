import { type GlobalTransaction, isFinished } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { RowFacts } from '../store/store';
import type { Admission } from './admission';
import type { DueQueue } from './due-queue';
import type { FanOut } from './fan-out';
import type { Resident } from './resident';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { TimerSet } from './timer-set';

/** What mending needs. */
export interface MendingDeps {
  readonly incarnation: string;
  readonly residents: Residents;
  readonly reader: StoreReader;
  readonly fanOut: FanOut;
  readonly due: DueQueue<Resident>;
  readonly admission: Admission;
  readonly timers: TimerSet;
  readonly logger: Logger;
  /** Plans the next step of a transaction whose durable state has just become known. */
  readonly goOn: (resident: Resident, tx: GlobalTransaction) => void;
}

/** Time until a transaction that could not be read again is tried once more. */
const REREAD_MS = 1_000;

/** A write was refused: the row is in other hands, or it is ours and memory was wrong about it. */
export class Mending {
  constructor(private readonly deps: MendingDeps) {}

  /** Reads a transaction of ours again, or lets one go that is not ours any more. */
  mendOrLose(resident: Resident, row: Pick<RowFacts, 'owner'> | undefined): void {
    const { logger, residents, timers } = this.deps;
    if (row?.owner !== this.deps.incarnation) return this.lose(resident);
    const fields = { alert: 'P1', gid: resident.gid, row };
    logger.error(fields, 'memory and store differ; the transaction is read again');
    resident
      .serially(() => this.reread(resident))
      .catch((err: unknown) => {
        logger.warn({ gid: resident.gid, err }, 'not read again yet');
        timers.after(REREAD_MS, () => {
          // One that has left memory meanwhile is read when it comes back.
          if (residents.get(resident.gid) === resident) this.mendOrLose(resident, row);
        });
      })
      .finally(() => residents.forgetIfUnused(resident));
  }

  private async reread(resident: Resident): Promise<void> {
    const { admission, fanOut, residents } = this.deps;
    const tx = await this.deps.reader.load(resident.gid);
    if (tx === undefined || resident.tx === undefined) return this.lose(resident);
    admission.lost(resident.tx);
    fanOut.withdrawAll(resident);
    residents.stay(resident);
    if (!isFinished(tx.status)) {
      admission.resume(tx);
      return residents.adopt(resident, tx);
    }
    resident.tx = tx;
    this.deps.goOn(resident, tx);
  }

  /** Another node owns the row now: forget the transaction, its timers and its late answers. */
  private lose(resident: Resident): void {
    const { admission, due, fanOut, logger, residents } = this.deps;
    const fields = { alert: 'P1', gid: resident.gid };
    logger.error(fields, 'the transaction is in other hands; dropped here');
    if (resident.tx !== undefined) admission.lost(resident.tx);
    due.delete(resident);
    fanOut.withdrawAll(resident);
    resident.tx = undefined;
    resident.release();
    residents.forget(resident);
  }
}
