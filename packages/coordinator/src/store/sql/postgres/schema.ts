/** The steps of PostgreSQL's schema, oldest first. A step is never edited after a release; its statements may be repeated. */
import type { SchemaStep } from '../migrate';

const text = 'text COLLATE "C"';

/**
 * Texts have the collation of bytes: gids are told apart by case, sorted as everywhere, and no upgrade of the system's locales
 * breaks an index. Payloads are kept uncompressed, so that a part of one can be read alone. The space that is left in pages of
 * `transactions` takes the decision's new version of a row without touching an index.
 */
const tables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS transactions (
    gid ${text} NOT NULL,
    run_id ${text} NOT NULL,
    name ${text} NOT NULL,
    status ${text} NOT NULL
      CHECK (status IN ('trying', 'confirming', 'confirmed', 'cancelling', 'cancelled')),
    branches int4 NOT NULL,
    owner ${text} NOT NULL,
    epoch int8 NOT NULL CHECK (epoch >= 1),
    open_owner ${text},
    next_at int8,
    opened_at int8 NOT NULL,
    deadline_at int8 NOT NULL,
    decided_at int8,
    finished_at int8,
    cause ${text} CHECK (cause IN ('commit', 'rollback', 'timeout')),
    reason ${text},
    format int4 NOT NULL,
    details ${text},
    states ${text},
    tombstone ${text},
    PRIMARY KEY (gid),
    CHECK ((status = 'trying') = (decided_at IS NULL) AND (decided_at IS NULL) = (cause IS NULL)),
    CHECK ((status IN ('confirmed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((open_owner IS NULL) = (finished_at IS NOT NULL)),
    CHECK (tombstone IS NULL OR finished_at IS NOT NULL)
  ) WITH (fillfactor = 70)`,
  `CREATE INDEX IF NOT EXISTS transactions_open ON transactions (open_owner, next_at, gid) INCLUDE (format)
    WHERE open_owner IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS transactions_finished ON transactions (finished_at) WHERE finished_at IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS registrations (
    gid ${text} NOT NULL,
    first int4 NOT NULL,
    run_id ${text} NOT NULL,
    specs ${text} NOT NULL,
    payloads bytea NOT NULL,
    PRIMARY KEY (gid, first)
  )`,
  'ALTER TABLE registrations ALTER COLUMN payloads SET STORAGE EXTERNAL',
  `CREATE TABLE IF NOT EXISTS labels (gid ${text} NOT NULL, name ${text} NOT NULL, value ${text} NOT NULL, PRIMARY KEY (gid, name))`,
  `CREATE TABLE IF NOT EXISTS results (gid ${text} NOT NULL PRIMARY KEY, result bytea NOT NULL)`,
  'ALTER TABLE results ALTER COLUMN result SET STORAGE EXTERNAL',
  'CREATE TABLE IF NOT EXISTS probes (filler bytea NOT NULL)',
  'ALTER TABLE probes ALTER COLUMN filler SET STORAGE EXTERNAL',
  `CREATE TABLE IF NOT EXISTS nodes (
    incarnation ${text} NOT NULL PRIMARY KEY,
    beat int8 NOT NULL,
    place ${text} NOT NULL,
    format int4 NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS retention (
    step ${text} NOT NULL PRIMARY KEY,
    finished_at int8 NOT NULL,
    gid ${text} NOT NULL
  )`,
  `INSERT INTO retention (step, finished_at, gid) VALUES ('expire', 0, ''), ('forget', 0, '') ON CONFLICT DO NOTHING`,
];

/** Every step. */
export const schemaSteps: readonly SchemaStep[] = [
  { version: 1, minReader: 1, title: 'transactions', statements: tables },
];
