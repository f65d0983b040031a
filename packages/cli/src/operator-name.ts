/** Who runs the command, for what is kept for ever. Nobody is authenticated in this version: it is as told. */
import { limits } from '@tercet/core';
import type { CliDeps } from './cli-deps';
import { oneLine } from './one-line';

/** What the machine knows. */
export interface Machine {
  /** Name of the process's user; may throw, where the system has no entry for it. */
  readonly user: () => string;
  readonly host: () => string;
}

/** `user@host`: the environment's USER (or LOGNAME, or USERNAME), else the system's user; `unknown` where none is. */
export function operatorName(env: CliDeps['env'], machine: Machine): string {
  const told = [env['USER'], env['LOGNAME'], env['USERNAME']].find((name) => name);
  const name = oneLine(`${told ?? userOf(machine)}@${machine.host()}`);
  return name.slice(0, limits.operatorLengthMax);
}

/** In a container the user may be a bare number without a name. */
function userOf(machine: Machine): string {
  try {
    return machine.user();
  } catch {
    return 'unknown';
  }
}
