/** Calls of branches for tests of barriers, and work that is easy to read. */
import { systemClock, systemRandom } from '@tercet/runtime';
import type { BarrierCall, BarrierWork, WorkDone } from '../../src/barrier/barrier';

/** A call; by default the first Try of branch 1 of a fresh run, with 10 s left. */
export function aCall(over: Partial<BarrierCall> = {}): BarrierCall {
  return {
    runId: Buffer.from(systemRandom.bytes(16)).toString('hex'),
    branchId: '1',
    gid: 'order-1',
    service: 'shop.StockTcc',
    action: 'reserve',
    phase: 'try',
    attempt: 1,
    deadline: systemClock.now() + 10_000,
    givenUp: () => false,
    cancelWhenTryUnknown: 'skip',
    encodeReply: (reply) => Buffer.from(JSON.stringify(reply)),
    ...over,
  };
}

/** What a handler's work answers with. */
export function answer(reply: string, note?: string): WorkDone {
  return { reply: Buffer.from(reply), note: note === undefined ? undefined : Buffer.from(note) };
}

/** Work that does something with `ctx.db` and answers `ok`. */
export function workOf<Db>(body: (db: Db) => unknown): BarrierWork<Db> {
  return async ({ db }) => {
    await body(db);
    return answer('ok');
  };
}

/** Two parties wait until the other is there too. */
export class Meeting {
  private readonly all: Promise<void>;
  private arrive: () => void = () => undefined;
  private missing: number;

  constructor(parties: number) {
    this.missing = parties;
    this.all = new Promise((resolve) => {
      this.arrive = resolve;
    });
  }

  /** Only the first time: whoever comes again does not wait. */
  meet(): Promise<void> {
    this.missing -= 1;
    if (this.missing <= 0) this.arrive();
    return this.all;
  }
}
