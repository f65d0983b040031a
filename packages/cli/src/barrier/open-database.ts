/** Opens a database's barrier with the driver that the user's project has installed. */
import type { CliDeps, TableBarrier } from '../cli-deps';
import { UsageError } from '../usage-error';
import type { DatabaseUrl } from './database-url';

/** A barrier, and what is to be closed behind it. */
export interface OpenBarrier {
  readonly barrier: TableBarrier;
  /** Ends the connections. */
  readonly close: () => Promise<void>;
}

/** Longest wait for a connection, ms: one of the drivers would wait for ever. */
const CONNECT_MS = 10_000;

/** One statement after the other needs no more. */
const CONNECTIONS = 1;

type Outside = Pick<CliDeps, 'loadBarriers' | 'loadFromProject'>;

/**
 * Opens the database. mysql2 and pg connect at the first statement; SQLite opens its file, and creates it.
 *
 * @throws UsageError where the driver is not installed.
 */
export function openBarrier({ family, target }: DatabaseUrl, deps: Outside): OpenBarrier {
  const { barriers } = deps.loadBarriers();
  switch (family) {
    case 'mysql': {
      const driver = fromProject(deps, 'mysql2', 'mysql2/promise') as {
        readonly createPool: (options: object) => Endable;
      };
      const pool = driver.createPool({
        uri: target,
        connectionLimit: CONNECTIONS,
        connectTimeout: CONNECT_MS,
      });
      return { barrier: barriers.mysql(pool), close: () => pool.end() };
    }
    case 'postgres': {
      const driver = fromProject(deps, 'pg') as {
        readonly Pool: new (options: object) => Endable;
      };
      const pool = new driver.Pool({
        connectionString: target,
        max: CONNECTIONS,
        connectionTimeoutMillis: CONNECT_MS,
      });
      return { barrier: barriers.postgres(pool), close: () => pool.end() };
    }
    case 'sqlite': {
      const { DatabaseSync } = sqliteDriver(deps) as {
        readonly DatabaseSync: new (file: string) => { readonly close: () => void };
      };
      const db = new DatabaseSync(target);
      return { barrier: barriers.sqlite(db), close: async () => db.close() };
    }
  }
}

interface Endable {
  readonly end: () => Promise<void>;
}

/** Node's own where there is one, else the package with the same API. */
function sqliteDriver(deps: Outside): unknown {
  try {
    return deps.loadFromProject('node:sqlite');
  } catch {
    return fromProject(deps, '@photostructure/sqlite');
  }
}

function fromProject({ loadFromProject }: Outside, name: string, entry = name): unknown {
  try {
    return loadFromProject(entry);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      `the driver ${name} is not installed in this folder or above it`,
      `run this in the folder of the service, or install it here: npm install ${name}`,
    );
  }
}
