/**
 * Removes the rows of branches that have ended long ago.
 *
 * C1 Only branches with an `end` row older than the retention go, both rows at once; a lone `try` never does, nor a row of
 *    another branch of the same run. A marker stays as long as its `end`: until then every late Try is refused.
 * C2 Small batches: no statement holds locks on more than 1,000 rows.
 * C3 No timer: calls cause it, at most once an hour, and none of them waits for it.
 */
import { BarrierError, textOfCause } from '../errors';
import { warn } from '../warnings';
import type { BarrierSettings } from './barrier-options';
import type { LocalDatabase } from './local-database';
import { withRepeats } from './restarts';
import { failureWithin, tableMissing } from './sql-failures';

/** A branch has two rows. */
const BRANCHES_PER_BATCH = 500;
const EVERY_MS = 3_600_000;

/** The cleaning of one database. */
export class Cleaning {
  /** Anywhere within the first hour: processes that start together do not clean together. */
  private nextAt: number;

  constructor(
    private readonly database: LocalDatabase<unknown>,
    private readonly settings: BarrierSettings,
  ) {
    const { clock, random } = settings;
    this.nextAt = clock.now() + Math.floor(random.unit() * EVERY_MS);
  }

  /** A call was carried out. Never throws. */
  onCall(): void {
    const now = this.settings.clock.now();
    if (now < this.nextAt) return;
    this.nextAt = now + EVERY_MS;
    void this.run().catch((error: unknown) => this.tell(error));
  }

  /** Removes all that is due now. Resolves with the number of rows. Rejects with BarrierError. */
  async run(): Promise<number> {
    const before = this.settings.clock.now() - this.settings.retentionMs;
    let removed = 0;
    for (;;) {
      const affected = await this.batch(before);
      if (affected === 0) return removed;
      removed += affected;
    }
  }

  private async batch(before: number): Promise<number> {
    const { dialect } = this.database;
    const { sql, params } = dialect.cleanUp(before, BRANCHES_PER_BATCH);
    const passes = (error: unknown): boolean =>
      ['restart', 'locked'].includes(failureWithin(dialect, error));
    try {
      const once = () => this.database.statement(sql, params);
      return (await withRepeats(this.settings, passes, once)).affected;
    } catch (error) {
      throw this.failure(error);
    }
  }

  private failure(error: unknown): BarrierError {
    if (error instanceof BarrierError) return error;
    if (failureWithin(this.database.dialect, error) === 'no-table') return tableMissing(error);
    return new BarrierError(
      `rows of finished branches cannot be removed from tercet_barrier: ${textOfCause(error)}`,
      { cause: error },
    );
  }

  private tell(error: unknown): void {
    warn(this.settings.onWarning, {
      code: 'BARRIER_NOT_CLEANED',
      message: `${textOfCause(error)}. It is tried again within the hour; \`await barrier.cleanUp()\` does it at once`,
      gid: undefined,
      runId: undefined,
      cause: error,
    });
  }
}
