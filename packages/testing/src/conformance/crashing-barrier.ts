/** A barrier in which calls die on order, before COMMIT or after it. Everything else is the user's own barrier. */
import type { Barrier, BarrierCall, BarrierEnd, BarrierWork, OpenedCall } from '@tercet/sdk';
import type { ArmedFault, Faults } from './faults';
import { watchedDatabase } from './watched-database';

/** Wraps the user's barrier. */
export class CrashingBarrier<Db> implements Barrier<Db> {
  readonly name: string;
  readonly retentionMs: number;

  constructor(
    private readonly inner: Barrier<Db>,
    private readonly faults: Faults,
  ) {
    this.name = inner.name;
    this.retentionMs = inner.retentionMs;
  }

  async carryOut(call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd> {
    const armed = this.faults.of(call);
    if (armed === undefined) return this.inner.carryOut(call, work);
    const end = await this.inner.carryOut(call, async (opened) => {
      const done = await work(armed.watches ? watched(opened, armed) : opened);
      armed.handlerReturned(false);
      return done;
    });
    armed.committed();
    return end;
  }

  check(): Promise<void> {
    return this.inner.check();
  }

  migrate(): Promise<void> {
    return this.inner.migrate();
  }

  cleanUp(): Promise<number> {
    return this.inner.cleanUp();
  }
}

/** `tried` is asked for as late as ever: some barriers know it only then. */
function watched<Db>(opened: OpenedCall<Db>, armed: ArmedFault): OpenedCall<Db> {
  return {
    db: watchedDatabase(opened.db, () => armed.use()),
    get tried() {
      return opened.tried;
    },
  };
}
