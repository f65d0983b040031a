/**
 * The setting `store`: which store, and for a server its URL.
 *
 * U1 A password leaves this module in the URL alone: error texts never repeat what was given, and {@link shownStore} is how a
 *    store is named everywhere else.
 */

/** A store: kept in memory, embedded, or on a server that a URL names. */
export type StoreSetting =
  | 'memory'
  | 'sqlite'
  | `sqlite:${string}`
  | `mysql://${string}`
  | `mariadb://${string}`
  | `postgres://${string}`
  | `postgresql://${string}`;

/** Which kind of store a setting names. */
export type StoreKind = 'memory' | 'sqlite' | 'mysql' | 'postgres';

/** Schemes of URLs, and the server that speaks each. */
const schemes: Readonly<Record<string, StoreKind>> = {
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
};

const wrongStore =
  'must be one of sqlite, sqlite:FOLDER, memory, mysql://USER@HOST/DATABASE, mariadb://…, postgres://…';

/** Reads the setting. Throws an Error that says what would be right (U1). */
export function parseStore(given: string): StoreSetting {
  if (given === 'memory' || given === 'sqlite') return given;
  const [, folder] = /^sqlite:(.*)$/s.exec(given) ?? [];
  if (folder !== undefined) {
    if (folder.trim() !== '') return given as StoreSetting;
    throw new Error('must name a folder behind sqlite:');
  }
  if (!/^(mysql|mariadb|postgres|postgresql):\/\//.test(given)) throw new Error(wrongStore);
  const problem = urlProblem(given);
  if (problem !== undefined) throw new Error(problem);
  return given as StoreSetting;
}

/** Which kind it is. */
export function kindOfStore(store: StoreSetting): StoreKind {
  if (store === 'memory') return 'memory';
  const scheme = /^[a-z]+:(?=\/\/)/.exec(store)?.[0] ?? '';
  return schemes[scheme] ?? 'sqlite';
}

/** Whether a server keeps it. */
export function isServer(store: StoreSetting): boolean {
  return kindOfStore(store) === 'mysql' || kindOfStore(store) === 'postgres';
}

/** The store's folder, where it is embedded; `dataDir` where the setting names none. */
export function folderOf(store: StoreSetting, dataDir: string): string {
  return store.startsWith('sqlite:') ? store.slice('sqlite:'.length) : dataDir;
}

/** For people: what was given, without password and options, whether it is right or not (U1). */
export function shownStore(given: string): string {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(given) ?? [];
  if (scheme === undefined) return given;
  const url = urlProblem(given) === undefined ? urlOf(given) : undefined;
  if (url !== undefined) return `${scheme}${url.username}@${url.host}${url.pathname}`;
  // Read wrongly, any part may be one of a password, except what stands behind the only sign that ends one.
  const [, place] = /^[^?#]*@([^@?#]*)/.exec(rest) ?? [];
  return place === undefined || /[?#].*@/s.test(rest) ? `${scheme}…` : `${scheme}…@${place}`;
}

/** Whether the URL brings a password. */
export function hasPassword(store: StoreSetting): boolean {
  return (urlOf(store)?.password ?? '') !== '';
}

/** The same URL with this password. */
export function withPassword(store: StoreSetting, password: string): StoreSetting {
  const url = urlOf(store);
  if (url === undefined) return store;
  url.password = encodeURIComponent(password);
  return url.toString() as StoreSetting;
}

function urlOf(given: string): URL | undefined {
  try {
    return new URL(given);
  } catch {
    return undefined;
  }
}

function urlProblem(given: string): string | undefined {
  const url = urlOf(given);
  if (url === undefined) {
    return 'is no URL; characters such as @ : / ? # % in a user name or a password must be percent-encoded';
  }
  if (url.hostname === '') return 'must name a host, such as db.example';
  if (url.hash !== '') return 'must not have a #; in a password it is written %23';
  const option = optionProblem(url);
  if (option !== undefined) return option;
  if (url.username === '') return 'must name a user, as in mysql://USER@HOST/DATABASE';
  if (!decodes(url.username) || !decodes(url.password)) {
    return 'has a % that encodes nothing; in a user name or a password it is written %25';
  }
  if (!/^\/[^/]+$/.test(url.pathname) || !decodes(url.pathname)) {
    return 'must name one database, as in mysql://USER@HOST/DATABASE';
  }
  return undefined;
}

/** Options of a session are the store's own business: it depends on them. What is left is how the connection is encrypted. */
const urlOptions: Readonly<Record<'mysql' | 'postgres', Readonly<Record<string, RegExp>>>> = {
  mysql: { ssl: /^(true|false)$/, sslca: /./ },
  postgres: { sslmode: /^(disable|require|verify-ca|verify-full|no-verify)$/, sslrootcert: /./ },
};

function optionProblem({ protocol, searchParams }: URL): string | undefined {
  const known = schemes[protocol] === 'postgres' ? urlOptions.postgres : urlOptions.mysql;
  for (const [name, value] of searchParams) {
    if (known[name]?.test(value) === true) continue;
    return schemes[protocol] === 'postgres'
      ? 'takes sslmode=disable|require|verify-ca|verify-full|no-verify and sslrootcert=FILE behind a ?, nothing else'
      : 'takes ssl=true or ssl=false and sslca=FILE behind a ?, nothing else';
  }
  return undefined;
}

function decodes(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
