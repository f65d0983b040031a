/**
 * Which database `--url` means. Nothing of this module ever shows a password: where a text is shown, it is made of user,
 * host and name alone.
 */
import { UsageError } from '../usage-error';

/** A family of databases; each has its own statements. */
export type DatabaseFamily = 'mysql' | 'postgres' | 'sqlite';

/** All of them, in the order in which help names them. */
export const databaseFamilies = ['mysql', 'postgres', 'sqlite'] as const;

/** A database as the command line names it. */
export interface DatabaseUrl {
  readonly family: DatabaseFamily;
  /** For the driver: a connection string, or the path of a file. May hold a password: never shown. */
  readonly target: string;
  /** For people: without password and options. */
  readonly shown: string;
  /** Texts that must never be shown, whoever writes them. */
  readonly secrets: readonly string[];
}

const forms =
  'give mysql://user:password@host:3306/database, postgres://user:password@host:5432/database or sqlite:FILE';

const families: Readonly<Record<string, 'mysql' | 'postgres'>> = {
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
};

/**
 * Reads a database's address. `source` is what is at fault where it is wrong: `--url`.
 *
 * @throws UsageError that names the forms, and nothing of a text that may hold a password.
 */
export function parseDatabaseUrl(source: string, text: string): DatabaseUrl {
  if (text.startsWith('sqlite:')) return sqliteFile(source, text.slice('sqlite:'.length));
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const family = url === undefined ? undefined : families[url.protocol];
  if (url === undefined || family === undefined) {
    throw new UsageError(`${source} is no address of a database that has a barrier`, forms);
  }
  if (url.hostname === '') throw new UsageError(`${source} names no host`, forms);
  const name = url.pathname.slice(1);
  if (name === '') throw new UsageError(`${source} names no database behind the host`, forms);
  const user = url.username === '' ? '' : `${url.username}@`;
  // The drivers know one name of each protocol.
  const target = `${family}:${text.slice(text.indexOf(':') + 1)}`;
  return {
    family,
    target,
    shown: `${family}://${user}${url.host}/${name}`,
    secrets: secretsOf(url),
  };
}

function sqliteFile(source: string, rest: string): DatabaseUrl {
  const file = rest.replace(/^\/\//, '');
  if (file === '' || file === ':memory:') {
    throw new UsageError(
      `${source} names no file: a database in memory ends with this command`,
      'give sqlite:FILE, with the file that the service opens',
    );
  }
  return { family: 'sqlite', target: file, shown: `sqlite:${file}`, secrets: [] };
}

/** The password as it stands and as it is meant, and every option: drivers take passwords and keys there, too. */
function secretsOf(url: URL): string[] {
  const texts = [url.password, decoded(url.password), ...url.searchParams.values()];
  return [...new Set(texts)].filter((text) => text.length > 3);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A text of a driver without what must not be shown. */
export function withoutSecrets(text: string, { secrets, target, shown }: DatabaseUrl): string {
  return secrets.reduce(
    (safe, secret) => safe.replaceAll(secret, '***'),
    text.replaceAll(target, shown),
  );
}
