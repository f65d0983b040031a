/**
 * Brings a shared database's schema up to date, however many coordinators start at once: under a {@link MigrationLock}, by
 * whoever takes it first.
 *
 * M1 Steps may be repeated: who was taken for dead may still run one while another one runs it too.
 * M2 Only the holder of the lock writes the version, after all steps.
 */
import { type Scheduler, TercetError } from '@tercet/core';
import { type LockPort, MigrationLock } from './migration-lock';

/** What the database says of its schema. */
export interface SchemaVersion {
  /** 0 = nothing is there yet. */
  readonly version: number;
  /** Oldest version whose code can use the database. */
  readonly minReader: number;
}

/** One step of the schema. Never edited after a release. */
export interface SchemaStep {
  /** Schema version after this step; counts up by one. */
  readonly version: number;
  /** Oldest version whose code can still use the database after this step; its own version = a breaking step. */
  readonly minReader: number;
  /** What it does, for logs. */
  readonly title: string;
  /** The statements, in order; each may be repeated (M1). */
  readonly statements: readonly string[];
}

/** A database whose schema is brought up to date. */
export interface SchemaPort extends LockPort {
  /** What it says; where nothing is there, `schema_version` with its row is made. Safe to repeat. */
  version(): Promise<SchemaVersion>;
  /** Runs one statement of a step, on a connection of its own: beats go on meanwhile. */
  run(statement: string): Promise<void>;
  /** Writes the version, where `holder` still holds the lock (M2). */
  finish(after: SchemaVersion, holder: string): Promise<void>;
}

/** What migrating needs. */
export interface MigrateDeps {
  readonly schema: SchemaPort;
  /** Every step, oldest first. */
  readonly steps: readonly SchemaStep[];
  /** Name of this process, at most 128 characters; one that nobody else has. */
  readonly me: string;
  /** Host and process, for people. */
  readonly where: string;
  readonly scheduler: Scheduler;
  /** A holder whose beat stands still for so long is dead, ms. */
  readonly nodeTtlMs: number;
}

/** Rejects with STORE_INCOMPATIBLE where this version is too old for the database, or as the port does. Safe to repeat. */
export async function migrate(deps: MigrateDeps): Promise<void> {
  while (!(await isCurrent(deps))) {
    const lock = new MigrationLock({ ...deps, port: deps.schema }, deps.me);
    if (!(await lock.take())) continue;
    try {
      await climb(deps, lock);
    } finally {
      await lock.giveBack();
    }
  }
}

async function isCurrent({ schema, steps }: MigrateDeps): Promise<boolean> {
  const found = await schema.version();
  const ours = steps.at(-1)?.version ?? 0;
  if (found.minReader > ours) throw tooNew(found, ours);
  return found.version >= ours;
}

async function climb({ schema, steps, me }: MigrateDeps, lock: MigrationLock): Promise<void> {
  // Read again: whoever had the lock before may have come to the end.
  const { version, minReader } = await schema.version();
  const ahead = steps.filter((step) => step.version > version);
  for (const { statements } of ahead) {
    for (const statement of statements) {
      lock.check();
      await schema.run(statement);
    }
  }
  const after = {
    version: Math.max(version, ...ahead.map((step) => step.version)),
    minReader: Math.max(minReader, ...ahead.map((step) => step.minReader)),
  };
  await schema.finish(after, me);
}

function tooNew(found: SchemaVersion, ours: number): TercetError {
  return new TercetError('STORE_INCOMPATIBLE', {
    message:
      `the store has schema ${found.version}, which needs a version that reads at least schema ` +
      `${found.minReader}; this one reads up to ${ours}`,
  });
}
