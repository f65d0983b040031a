/**
 * Brings a shared database's schema up to date, however many coordinators start at once. The lock is a row that is claimed as
 * the store is ({@link NodeClaim}): by compare-and-set, kept by a beat, taken over where the beat stands still. Nothing has to be
 * unlocked by hand after a crash.
 *
 * M1 Steps may be repeated: who was taken for dead may still run one while another one runs it too.
 * M2 Only the holder of the lock writes the version, after all steps.
 */
import { type Clock, type Scheduler, TercetError } from '@tercet/core';
import { NodeClaim } from './node-claim';
import type { NodeRow } from './sql-server';

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
export interface SchemaPort {
  /** What it says; where nothing is there, `schema_version` with its row is made. Safe to repeat. */
  version(): Promise<SchemaVersion>;
  /** Who migrates, undefined = nobody. */
  holder(): Promise<NodeRow | undefined>;
  /** Puts `next` into the place of `seen` (undefined = of nobody) by compare-and-set. False = somebody else was faster. */
  replaceHolder(seen: NodeRow | undefined, next: NodeRow | undefined): Promise<boolean>;
  /** Runs one statement of a step, on a connection of its own: beats go on meanwhile. */
  run(statement: string): Promise<void>;
  /** Writes the version, where `incarnation` still holds the lock (M2). */
  finish(after: SchemaVersion, incarnation: string): Promise<void>;
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
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** A claim whose beat stands still for so long is dead, ms. */
  readonly nodeTtlMs: number;
}

/** Rejects with STORE_INCOMPATIBLE where this version is too old for the database, or as the port does. Safe to repeat. */
export async function migrate(deps: MigrateDeps): Promise<void> {
  while (!(await isCurrent(deps))) {
    const claim = new NodeClaim({ ...deps, server: lockOf(deps.schema) }, deps.me);
    if (!(await taken(claim))) continue;
    try {
      await climb(deps, claim);
    } finally {
      await claim.giveBack();
    }
  }
}

async function isCurrent({ schema, steps }: MigrateDeps): Promise<boolean> {
  const found = await schema.version();
  const ours = steps.at(-1)?.version ?? 0;
  if (found.minReader > ours) throw tooNew(found, ours);
  return found.version >= ours;
}

/** False where somebody else migrates. */
async function taken(claim: NodeClaim): Promise<boolean> {
  try {
    await claim.take();
    return true;
  } catch (error) {
    if (error instanceof TercetError && error.code === 'STORE_IN_USE') return false;
    throw error;
  }
}

async function climb({ schema, steps, me }: MigrateDeps, claim: NodeClaim): Promise<void> {
  // Read again: whoever had the lock before may have come to the end.
  const { version, minReader } = await schema.version();
  const ahead = steps.filter((step) => step.version > version);
  for (const { statements } of ahead) {
    for (const statement of statements) {
      claim.check();
      await schema.run(statement);
    }
  }
  const after = {
    version: Math.max(version, ...ahead.map((step) => step.version)),
    minReader: Math.max(minReader, ...ahead.map((step) => step.minReader)),
  };
  await schema.finish(after, me);
}

function lockOf(schema: SchemaPort): ConstructorParameters<typeof NodeClaim>[0]['server'] {
  return {
    node: () => schema.holder(),
    replaceNode: (seen, next) => schema.replaceHolder(seen, next),
  };
}

function tooNew(found: SchemaVersion, ours: number): TercetError {
  return new TercetError('STORE_INCOMPATIBLE', {
    message:
      `the store has schema ${found.version}, which needs a version that reads at least schema ` +
      `${found.minReader}; this one reads up to ${ours}`,
  });
}
