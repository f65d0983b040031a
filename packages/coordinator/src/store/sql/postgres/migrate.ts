/**
 * Brings the schema up to this version. PostgreSQL changes schemas within transactions, so all steps and the new version are
 * one commit: who is cut off leaves the schema as it was. Of several that start at once one works; the others wait for a lock
 * that ends with its transaction, however that ends, and find the work done.
 */
import { TercetError } from '@tercet/core';
import type { Client } from 'pg';
import { describe, failureOf, sqlStateOf } from './failures';
import type { SchemaStep } from '../migrate';
import { schemaSteps } from './schema';

/** Any number that nobody else in the database locks: "tercet" in bytes. */
const LOCK = '0x746572636574';

interface SchemaVersion {
  readonly version: number;
  readonly min_reader: number;
}

/**
 * Migrates. Rejects with STORE_INCOMPATIBLE where the schema is of a version that is too new, CONFIG_INVALID where the user may
 * not make tables, else with StoreFailure; then nothing is changed. Safe to repeat.
 */
export async function migrate(
  client: Client,
  steps: readonly SchemaStep[] = schemaSteps,
): Promise<void> {
  try {
    if ((await isMade(client)) && missing(await readVersion(client), steps).length === 0) return;
    await client.query('BEGIN');
    // Others may be at work, and a large table takes its time.
    await client.query("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '30min'");
    await client.query(`SELECT pg_advisory_xact_lock(${Number(LOCK)})`);
    // Not asked for but made: what a session remembers of missing tables may be older than the lock.
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_version (' +
        'id int4 PRIMARY KEY CHECK (id = 1), version int4 NOT NULL, min_reader int4 NOT NULL)',
    );
    const found = await readVersion(client);
    const due = missing(found, steps);
    for (const { statements } of due) for (const text of statements) await client.query(text);
    await writeVersion(client, found, due);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw refusalOf(error);
  }
}

async function isMade(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ readonly made: boolean }>(
    "SELECT to_regclass('schema_version') IS NOT NULL AS made",
  );
  return rows[0]?.made === true;
}

async function readVersion(client: Client): Promise<SchemaVersion | undefined> {
  const { rows } = await client.query<SchemaVersion>(
    'SELECT version, min_reader FROM schema_version',
  );
  return rows[0];
}

function missing(
  found: SchemaVersion | undefined,
  steps: readonly SchemaStep[],
): readonly SchemaStep[] {
  const ours = steps.at(-1)?.version ?? 0;
  if (found !== undefined && found.min_reader > ours) {
    throw new TercetError('STORE_INCOMPATIBLE', {
      message:
        `the database has schema ${found.version}, which needs a version that reads at least schema ` +
        `${found.min_reader}; this one reads up to ${ours}`,
    });
  }
  return steps.filter(({ version }) => version > (found?.version ?? 0));
}

async function writeVersion(
  client: Client,
  found: SchemaVersion | undefined,
  done: readonly SchemaStep[],
): Promise<void> {
  const last = done.at(-1);
  if (last === undefined) return;
  const minReader = Math.max(found?.min_reader ?? 0, ...done.map((step) => step.minReader));
  await client.query(
    `INSERT INTO schema_version (id, version, min_reader) VALUES (1, $1, $2)
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, min_reader = excluded.min_reader`,
    [last.version, minReader],
  );
}

function refusalOf(error: unknown): Error {
  if (error instanceof TercetError) return error;
  if (sqlStateOf(error) !== '42501') return failureOf(error, 'refused');
  return new TercetError('CONFIG_INVALID', {
    message: `the store's tables cannot be made (${describe(error)}): let the user create tables in its schema`,
  });
}
