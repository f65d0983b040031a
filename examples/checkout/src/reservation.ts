/**
 * The guard of a participant: one row for each branch, written in the same local transaction as the business data.
 *
 * The network repeats calls, delays them and changes their order, and the coordinator calls again until it gets an
 * answer. So a participant meets all of this, and the row is how it notices:
 *
 * | call    | no row           | tried          | confirmed | cancelled                   |
 * |---------|------------------|----------------|-----------|-----------------------------|
 * | Try     | do it            | same reply     | same reply| refuse: it came too late    |
 * | Confirm | conflict         | do it          | OK, done  | conflict                    |
 * | Cancel  | leave a tombstone| undo           | conflict  | OK, done                    |
 *
 * The tombstone is what is easily forgotten. A Cancel can arrive before its Try (the Try is still in a queue), or
 * without one (it was refused, it got lost). It has nothing to undo, but it must leave a mark: a Try that started
 * after its Cancel would set goods aside that nobody ever releases.
 */
import type { CallContext } from '@tercet/sdk';
import { type Database, inTransaction } from './database';

/** What a row can say. */
export type ReservationState = 'tried' | 'confirmed' | 'cancelled';

/** The branch that a call is about, and how to end the call with a verdict. Every handler of the SDK gets one. */
export type BranchCall = Pick<CallContext, 'gid' | 'runId' | 'branchId' | 'reject' | 'park'>;

/** How a reply becomes bytes and comes back. Generated messages have both. */
export interface ReplyCodec<R> {
  encode(reply: R): { finish(): Uint8Array };
  decode(bytes: Uint8Array): R;
}

/** The work of a Try: what its reply is made of, and what it does to the business data. */
export interface TryWork<R> {
  readonly reply: ReplyCodec<R>;
  readonly apply: () => R;
}

interface Row {
  readonly state: ReservationState;
  readonly reply: Uint8Array | null;
}

/** The guard of one participant's database. */
export class Reservations {
  /** `onLateTry` hears of every Try that was kept out; the demo counts them. */
  constructor(
    private readonly db: Database,
    private readonly onLateTry: (gid: string) => void = () => {},
  ) {
    // A run of the shop's code has an id of its own: a gid that is used again after years is still another branch.
    db.exec(`CREATE TABLE IF NOT EXISTS reservation (
      gid    TEXT NOT NULL,
      run_id TEXT NOT NULL,
      branch TEXT NOT NULL,
      state  TEXT NOT NULL CHECK (state IN ('tried', 'confirmed', 'cancelled')),
      reply  BLOB,
      PRIMARY KEY (run_id, branch)
    )`);
  }

  /** Runs a Try once. A duplicate gets the first one's reply, a Try after its Cancel is refused. */
  try<R>(call: BranchCall, { reply, apply }: TryWork<R>): R {
    return inTransaction(this.db, () => {
      // Insert first, ask afterwards: the primary key decides which of two calls is the first one.
      if (!this.insert(call, 'tried')) {
        const row = this.read(call);
        if (row?.state === 'cancelled') this.refuseLate(call);
        return reply.decode(row?.reply ?? new Uint8Array());
      }
      // Where this throws (too few on the shelf), the row goes with the rest: a refused Try leaves nothing behind.
      const answer = apply();
      this.db
        .prepare('UPDATE reservation SET reply = ? WHERE run_id = ? AND branch = ?')
        .run(reply.encode(answer).finish(), call.runId, call.branchId);
      return answer;
    });
  }

  /** Makes a tried branch final, once. */
  confirm(call: BranchCall, apply: () => void): void {
    inTransaction(this.db, () => {
      const row = this.read(call);
      if (row?.state === 'confirmed') return;
      // Never OK: it would tell the shop that an order was delivered of which this service knows nothing.
      if (row?.state !== 'tried')
        call.park(`Confirm of a branch that is ${row?.state ?? 'unknown'}`);
      this.mark(call, 'confirmed');
      apply();
    });
  }

  /** Takes a tried branch back, once. Where nothing was tried, there is nothing to undo: the tombstone is all. */
  cancel(call: BranchCall, undo: () => void): void {
    inTransaction(this.db, () => {
      if (this.insert(call, 'cancelled')) return;
      const row = this.read(call);
      if (row?.state === 'cancelled') return;
      if (row?.state === 'confirmed') call.park('Cancel of a branch that is confirmed');
      this.mark(call, 'cancelled');
      undo();
    });
  }

  private refuseLate(call: BranchCall): never {
    this.onLateTry(call.gid);
    return call.reject('this Try comes after its Cancel');
  }

  private insert({ gid, runId, branchId }: BranchCall, state: ReservationState): boolean {
    const { changes } = this.db
      .prepare(
        `INSERT INTO reservation (gid, run_id, branch, state) VALUES (?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
      )
      .run(gid, runId, branchId, state);
    return Number(changes) === 1;
  }

  private read({ runId, branchId }: BranchCall): Row | undefined {
    return this.db
      .prepare('SELECT state, reply FROM reservation WHERE run_id = ? AND branch = ?')
      .get(runId, branchId) as Row | undefined;
  }

  private mark({ runId, branchId }: BranchCall, state: ReservationState): void {
    this.db
      .prepare('UPDATE reservation SET state = ? WHERE run_id = ? AND branch = ?')
      .run(state, runId, branchId);
  }
}
