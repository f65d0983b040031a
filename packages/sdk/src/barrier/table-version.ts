/** Whether the barrier's table is there and of our version, and how it comes to be. */
import { BarrierError, textOfCause } from '../errors';
import type { BarrierSettings } from './barrier-options';
import type { LocalDatabase } from './local-database';
import { withRepeats } from './restarts';
import { BARRIER_TABLE_VERSION } from './sql-dialect';
import { failureWithin, tableMissing } from './sql-failures';
import { within } from './within';

const HOW_TO_MIGRATE = 'run `tercet barrier migrate` or `await barrier.migrate()`';

/** The steps bring a table of any age to our layout; what it is called then is written last. */
const stampSql = `UPDATE tercet_barrier_version SET version = ${BARRIER_TABLE_VERSION} WHERE version < ${BARRIER_TABLE_VERSION}`;

/** A check is not waited for longer: behind a dead link answers never come, and calls wait for it. */
const CHECK_MS_MAX = 10_000;

/** The table of one database. */
export class BarrierTable {
  private checked: Promise<void> | undefined;

  constructor(
    private readonly database: LocalDatabase<unknown>,
    private readonly settings: BarrierSettings,
  ) {}

  /** Once passed it is not asked again; a failed check is. Callers at the same time share one. */
  check(): Promise<void> {
    this.checked ??= this.checkInTime().catch((error: unknown) => {
      this.checked = undefined;
      throw error;
    });
    return this.checked;
  }

  /** The table turned out to be missing: the next `check` looks again. */
  forget(): void {
    this.checked = undefined;
  }

  /** Makes what is not there. Needs no right to create anything where the table is of our version already. */
  async migrate(): Promise<void> {
    this.forget();
    const version = await this.versionIfAny();
    if (version > BARRIER_TABLE_VERSION) throw newer(version);
    if (version < BARRIER_TABLE_VERSION || !(await this.isThere())) await this.makeAll();
    await this.check();
  }

  private async checkInTime(): Promise<void> {
    const { scheduler } = this.settings;
    const passed = this.checkNow().then(() => true);
    if ((await within({ scheduler, ms: CHECK_MS_MAX }, passed)) === true) return;
    throw new BarrierError(
      `the table tercet_barrier was asked for, and the server did not answer within ${CHECK_MS_MAX / 1_000} s: see whether ` +
        'it can be reached, and whether somebody holds a lock on the table',
    );
  }

  private async checkNow(): Promise<void> {
    const version = await this.version();
    if (version < BARRIER_TABLE_VERSION) throw older(version);
    if (version > BARRIER_TABLE_VERSION) throw newer(version);
    await this.look();
  }

  /** Reads as calls do: finds a missing table, missing rights, and a server that only reads. */
  private async look(): Promise<void> {
    const { sql, params } = this.database.dialect.lockRow({ runId: '', branchId: '', slot: 'try' });
    await this.run(sql, params);
  }

  private async isThere(): Promise<boolean> {
    try {
      await this.look();
      return true;
    } catch (error) {
      if (failureWithin(this.database.dialect, error) === 'no-table') return false;
      throw error;
    }
  }

  private async version(): Promise<number> {
    const { rows } = await this.run(this.database.dialect.readVersion, []);
    return Number(rows[0]?.['version'] ?? 0);
  }

  private async versionIfAny(): Promise<number> {
    try {
      return await this.version();
    } catch (error) {
      if (failureWithin(this.database.dialect, error) === 'no-table') return 0;
      throw error;
    }
  }

  private async run(
    ...statement: Parameters<LocalDatabase<unknown>['statement']>
  ): ReturnType<LocalDatabase<unknown>['statement']> {
    try {
      return await this.database.statement(...statement);
    } catch (error) {
      if (error instanceof BarrierError) throw error;
      const missing = failureWithin(this.database.dialect, error) === 'no-table';
      throw missing ? tableMissing(error) : unusable(error);
    }
  }

  /** Two that create the same table at once may disturb each other: each step may be repeated. */
  private async makeAll(): Promise<void> {
    for (const step of [...this.database.dialect.migration, stampSql]) {
      await withRepeats(this.settings, passes, () => this.make(step));
    }
  }

  private async make(step: string): Promise<void> {
    try {
      await this.database.statement(step, []);
    } catch (error) {
      if (error instanceof BarrierError) throw error;
      throw new BarrierError(
        `the table tercet_barrier cannot be made: ${textOfCause(error)}. Migrate as a user that may create tables`,
        { cause: error },
      );
    }
  }
}

/** What a driver threw comes as the cause; a BarrierError of the adapter itself is about its pool. */
function passes(error: unknown): boolean {
  return error instanceof BarrierError && error.cause !== undefined;
}

function older(version: number): BarrierError {
  return new BarrierError(
    `the table tercet_barrier is of version ${version}, this SDK works with ${BARRIER_TABLE_VERSION}: ${HOW_TO_MIGRATE}`,
  );
}

function newer(version: number): BarrierError {
  return new BarrierError(
    `the table tercet_barrier is of version ${version}, newer than the ${BARRIER_TABLE_VERSION} that this SDK works with: ` +
      'update @tercet/sdk in this participant',
  );
}

function unusable(error: unknown): BarrierError {
  return new BarrierError(
    `the table tercet_barrier cannot be used: ${textOfCause(error)}. The participant's user needs SELECT, INSERT, UPDATE ` +
      'and DELETE on tercet_barrier and SELECT on tercet_barrier_version, on a server that takes writes',
    { cause: error },
  );
}
