/** The password of the store's server where it stands beside the URL: in a file, or in the environment. */
import { readFile } from 'node:fs/promises';
import { type StoreSetting, hasPassword, isServer, withPassword } from './store-setting';

/** The variable that may hold it. There is no flag: other users of the machine see those. */
export const storePasswordVariable = 'TERCET_STORE_PASSWORD';

/** A password that was given, or why there is none. */
export type StorePassword =
  | { readonly origin: string; readonly password: string }
  | { readonly origin: string; readonly problem: string };

/** Where it may stand: both are texts as they were given, empty = not given. */
export interface PasswordSources {
  readonly file: string;
  /** Of the setting that names the file, for error texts. */
  readonly fileOrigin: string;
  readonly variable: string;
}

/** Finds it; undefined = neither was given. Never rejects. A line end behind the password in the file is none of it. */
export async function readStorePassword({
  file,
  fileOrigin,
  variable,
}: PasswordSources): Promise<StorePassword | undefined> {
  if (file === '') {
    return variable === '' ? undefined : { origin: storePasswordVariable, password: variable };
  }
  const origin = fileOrigin;
  if (variable !== '') {
    return { origin, problem: `${origin} and ${storePasswordVariable} both give a password` };
  }
  try {
    const password = (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
    if (password !== '') return { origin, password };
    return { origin, problem: `${origin} ${file} is empty` };
  } catch (error) {
    return { origin, problem: `${origin} ${file} cannot be read: ${reasonOf(error)}` };
  }
}

/** The store with its password; a problem where two were given. A store that is no server's needs none. */
export function storeWith(
  store: StoreSetting,
  given: StorePassword | undefined,
): { readonly store: StoreSetting; readonly problem?: string } {
  if (given === undefined || !isServer(store)) return { store };
  if ('problem' in given) return { store, problem: given.problem };
  if (hasPassword(store)) {
    return { store, problem: `--store has a password already, ${given.origin} gives another one` };
  }
  return { store: withPassword(store, given.password) };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'EACCES') return 'this user may not read it';
  return message;
}
