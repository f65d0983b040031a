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
 * The parts of `mysql://user:password@host:port/database`, with `?ssl=true` over TLS, the server's certificate checked. Throws
 * TercetError CONFIG_INVALID; its text never shows the URL, which may hold a password.
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
      ...(usesTls(parsed.searchParams) ? { ssl: {} } : {}),
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

function usesTls(parameters: URLSearchParams): boolean {
  for (const [name, value] of parameters) {
    if (name !== 'ssl' || !['true', 'false'].includes(value)) {
      throw wrong('after ? it may say ssl=true or ssl=false, nothing else');
    }
  }
  return parameters.get('ssl') === 'true';
}

function wrong(why: string): TercetError {
  return new TercetError('CONFIG_INVALID', {
    message: `the store's URL is wrong: ${why}`,
    details: { option: 'store' },
  });
}
