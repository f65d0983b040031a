/** Server programs of this machine. Debian keeps PostgreSQL's outside of PATH, and servers in sbin. */
import { accessSync, constants, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ServerKind } from './server-kind';

const needed: Readonly<Record<ServerKind, readonly string[]>> = {
  mariadb: ['mariadbd', 'mariadb-install-db'],
  postgres: ['postgres', 'initdb'],
  redis: ['redis-server'],
  'redis-cluster': ['redis-server'],
};

const postgresRoot = '/usr/lib/postgresql';

/** Path of a program. Throws an Error where there is none: ask `missingBinaries` first. */
export function binary(name: string, env: NodeJS.ProcessEnv = process.env): string {
  const found = findBinary(name, env);
  if (found === undefined) throw new Error(`no ${name} in ${searched(env).join(', ')}`);
  return found;
}

/** The programs that a kind needs and that are not there. */
export function missingBinaries(kind: ServerKind, env: NodeJS.ProcessEnv = process.env): string[] {
  return missingPrograms(needed[kind], env);
}

/** Those of the programs that are not there. */
export function missingPrograms(
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  return names.filter((name) => findBinary(name, env) === undefined);
}

function findBinary(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return searched(env)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

/** An empty PATH means: none of this machine's programs. */
function searched(env: NodeJS.ProcessEnv): string[] {
  const named = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  if (named.length === 0) return [];
  return [...named, '/usr/sbin', '/usr/local/sbin', ...postgresFolders()];
}

function postgresFolders(): string[] {
  try {
    const versions = readdirSync(postgresRoot).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => path.join(postgresRoot, version, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
