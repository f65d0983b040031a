import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { TercetError } from '@tercet/core';
import type { ConnectionOptions } from 'mysql2';

/** Where the store is. */
export interface MysqlAddress {
  readonly options: Pick<
    ConnectionOptions,
    'host' | 'port' | 'user' | 'password' | 'database' | 'ssl'
  >;
  /** Host, port and database, for people: no user, no password. */
  readonly shown: string;
}

const PORT = 3306;

/**
 * The parts of `mysql://user:password@host:port/database`. With `?ssl=true` the way is TLS, and the server's certificate has to be
 * one of the host's name, by an authority that Node.js knows, or by the one of `&sslca=FILE`. Throws TercetError CONFIG_INVALID; its
 * text never shows the URL, which may hold a password.
 */
export function addressOf(url: string): MysqlAddress {
  const parsed = parse(url);
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (!['mysql:', 'mariadb:'].includes(parsed.protocol)) throw wrong('it must begin with mysql://');
  if (parsed.hostname === '') throw wrong('it names no host');
  if (database === '' || database.includes('/')) {
    throw wrong('it must name one database: mysql://user@host:3306/tercet');
  }
  const host = decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  const port = parsed.port === '' ? PORT : Number(parsed.port);
  return {
    options: {
      host,
      port,
      database,
      ...(parsed.username === '' ? {} : { user: decodeURIComponent(parsed.username) }),
      ...(parsed.password === '' ? {} : { password: decodeURIComponent(parsed.password) }),
      ...tlsOf(parsed.searchParams, host),
    },
    shown: `${parsed.hostname}:${port}/${database}`,
  };
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw wrong('it is no URL');
  }
}

function tlsOf(parameters: URLSearchParams, host: string): Pick<ConnectionOptions, 'ssl'> {
  for (const [name, value] of parameters) {
    if (name === 'sslca' ? value !== '' : name === 'ssl' && /^(true|false)$/.test(value)) continue;
    throw wrong('after ? it may say ssl=true or ssl=false and sslca=FILE, nothing else');
  }
  const file = parameters.get('sslca');
  if (parameters.get('ssl') !== 'true') {
    if (file !== null) throw wrong('sslca=FILE needs ssl=true beside it');
    return {};
  }
  // The driver compares no certificate with an address: it would take any that names `localhost`.
  if (isIP(host) !== 0) {
    throw wrong(
      'with ssl=true the host must be a name: the server’s certificate is checked for it',
    );
  }
  return { ssl: { verifyIdentity: true, ...(file === null ? {} : { ca: read(file) }) } };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`sslca cannot be read: ${(error as Error).message}`);
  }
}

function wrong(why: string): TercetError {
  return new TercetError('CONFIG_INVALID', {
    message: `the store's URL is wrong: ${why}`,
    details: { option: 'store' },
  });
}
