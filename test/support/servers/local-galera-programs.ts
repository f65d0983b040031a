/** What a Galera cluster needs of this machine. */
import { existsSync } from 'node:fs';
import { missingPrograms } from './binaries';

/** The library that makes a MariaDB a node, where distributions put it. */
const libraries = [
  '/usr/lib/galera/libgalera_smm.so',
  '/usr/lib64/galera-4/libgalera_smm.so',
  '/usr/lib64/galera/libgalera_smm.so',
] as const;

/** `rsync` sends all data to a node that comes back; the server's script finds its port with `ss` or `lsof`. */
const programs = ['mariadbd', 'mariadb-install-db', 'wsrep_sst_rsync', 'rsync'] as const;

/** Path of the library. Throws an Error where there is none: ask {@link missingForGalera} first. */
export function provider(): string {
  const found = libraries.find((file) => existsSync(file));
  if (found === undefined) throw new Error(`none of ${libraries.join(', ')} is there`);
  return found;
}

/** What is missing for a cluster; empty where one can be started. */
export function missingForGalera(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const hasLibrary = libraries.some((file) => existsSync(file));
  return [...missingPrograms(programs, env), ...(hasLibrary ? [] : [`galera-4 (${libraries[0]})`])];
}
