/** The schema of a database, and the lock under which it is brought up to date. */
import { TercetError } from '@tercet/core';
import { StoreFailure } from '../../store';
import type { SchemaPort, SchemaVersion } from '../migrate';
import type { LockRow } from '../migration-lock';
import { describe, failureOf, sqlStateOf } from './failures';
import type { Session } from './session';

const table =
  'CREATE TABLE IF NOT EXISTS schema_version (id int4 PRIMARY KEY CHECK (id = 1), version int4 NOT NULL, ' +
  'min_reader int4 NOT NULL, holder text NOT NULL, beat int8 NOT NULL, place text NOT NULL)';
const firstRow = `INSERT INTO schema_version (id, version, min_reader, holder, beat, place) VALUES (1, 0, 0, '', 0, '')
  ON CONFLICT (id) DO NOTHING`;
// The beat goes on rising when nobody holds the lock: no claim is ever the same as an earlier one.
const replace = `UPDATE schema_version SET holder = $1, beat = coalesce($2::int8, beat + 1), place = $3
  WHERE id = 1 AND holder = $4 AND ($5::int8 IS NULL OR beat = $5::int8)`;
const finish =
  'UPDATE schema_version SET version = $1::int4, min_reader = $2::int4 WHERE id = 1 AND holder = $3';

// Others may be at work, and a large table takes its time.
const patience = "BEGIN; SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '30min'";

/** Who makes what another one is just making meets it half made, in spite of IF NOT EXISTS. */
const madeMeanwhile = /^(42P07|42710|23505)$/;

/** The schema as {@link SchemaPort}: `session` for the lock, `worker` for the steps. */
export function schemaPort(session: Session, worker: Session): SchemaPort {
  return {
    version: () => readVersion(session),
    async holder() {
      const select = 'SELECT holder, beat, place AS "where" FROM schema_version';
      const [row] = await session.read<LockRow>(select);
      return row?.holder === '' ? undefined : row;
    },
    async replaceHolder(seen, next) {
      const is = [next?.holder ?? '', next && String(next.beat), next?.where ?? ''];
      const was = [seen?.holder ?? '', seen && String(seen.beat)];
      const values = [...is, ...was].map((value) => value ?? null);
      const [result] = await session.write([{ text: replace, values }]);
      return result?.count === 1;
    },
    run: (statement) => runStep(worker, statement),
    async finish({ version, minReader }, holder) {
      const values = [String(version), String(minReader), holder];
      const [result] = await session.write([{ text: finish, values }]);
      if (result?.count === 1) return;
      throw new StoreFailure('transient', 'the lock of the schema was lost while it was migrated');
    },
  };
}

/** Version 0 = nothing is there yet, or somebody is about to make it. */
async function readVersion(session: Session): Promise<SchemaVersion> {
  const [known] = await session.read("SELECT to_regclass('schema_version') IS NOT NULL AS made");
  if (known?.['made'] !== true) await runStep(session, table);
  const select = 'SELECT version, min_reader AS "minReader" FROM schema_version WHERE id = 1';
  const [found] = await session.read<SchemaVersion>(select);
  if (found !== undefined) return found;
  await session.write([{ text: firstRow, values: [] }]);
  return { version: 0, minReader: 0 };
}

/** One statement is one transaction: who is cut off leaves it undone. */
async function runStep(worker: Session, statement: string): Promise<void> {
  await worker.alone(async (client) => {
    const attempt = async (): Promise<void> => {
      try {
        await client.query(`${patience}; ${statement}; COMMIT`);
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    };
    try {
      await attempt().catch(async (error: unknown) => {
        if (!madeMeanwhile.test(sqlStateOf(error) ?? '')) throw error;
        await attempt();
      });
    } catch (error) {
      throw refusalOf(error);
    }
  });
}

function refusalOf(error: unknown): Error {
  if (sqlStateOf(error) !== '42501') return failureOf(error, 'refused');
  return new TercetError('CONFIG_INVALID', {
    message: `the store's tables cannot be made (${describe(error)}): let the user create tables in its schema`,
  });
}
