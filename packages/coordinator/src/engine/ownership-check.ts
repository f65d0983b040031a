/**
 * Finds what other nodes have taken over without this one's noticing: a transaction that only waits here, for its deadline or for
 * an operator, brings no write that would tell. It costs memory, and counts as unfinished work.
 *
 * H1 Every half ttl some of what has been here for a while is looked at, in turn; all of it while a limit of admission is half
 *    reached.
 * H2 Nothing waits for a look, and nothing is decided by it: each write proves by itself that the transaction is still ours.
 */
import type { Clock, Gid } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { Admission } from './admission';
import type { Mending } from './mending';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { TimerSet } from './timer-set';

/** What looking needs. */
export interface OwnershipCheckDeps {
  readonly residents: Residents;
  readonly admission: Admission;
  readonly reader: StoreReader;
  readonly mending: Mending;
  readonly timers: TimerSet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether other nodes use the store, too; else there is nothing to look for. */
  readonly shared: boolean;
  /** For how long a node without a sign of life is taken for alive. */
  readonly nodeTtlMs: number;
}

/** Rows of one look. */
const PAGE = 500;
/** Rows asked for at a time. */
const AT_ONCE = 16;

/** Looks, in the background. */
export class OwnershipCheck {
  /** Where the last look has ended. */
  private rest: Iterator<Gid, void, undefined> | undefined;

  constructor(private readonly deps: OwnershipCheckDeps) {}

  /** Begins to look, where that is of use. */
  start(): void {
    if (this.deps.shared) this.plan();
  }

  private plan(): void {
    const { logger, nodeTtlMs, timers } = this.deps;
    timers.after(nodeTtlMs / 2, () => {
      this.look()
        .catch((err: unknown) => logger.debug({ err }, 'not looked at what is ours yet'))
        .finally(() => this.plan());
    });
  }

  private async look(): Promise<void> {
    const all = this.deps.admission.crowded;
    for (let page = this.next(); page.length > 0; page = this.next()) {
      for (let from = 0; from < page.length; from += AT_ONCE) {
        await Promise.all(page.slice(from, from + AT_ONCE).map((gid) => this.lookAt(gid)));
      }
      if (page.length < PAGE || !all) return;
    }
  }

  /** The next ones; fewer than a page = it begins anew after them. */
  private next(): readonly Gid[] {
    const { clock, nodeTtlMs, residents } = this.deps;
    const rest = (this.rest ??= residents.openedBefore(clock.now() - nodeTtlMs));
    const page: Gid[] = [];
    while (page.length < PAGE) {
      const next = rest.next();
      if (next.done === true) {
        this.rest = undefined;
        break;
      }
      page.push(next.value);
    }
    return page;
  }

  private async lookAt(gid: Gid): Promise<void> {
    const { mending, reader, residents } = this.deps;
    if (!mending.isForeign(await reader.facts(gid))) return;
    const resident = residents.get(gid);
    if (resident?.tx !== undefined) mending.lookAgain(resident);
    else if (residents.isAbsent(gid)) residents.gone(gid);
  }
}
