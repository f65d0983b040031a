/**
 * One folder for everything that the servers of a run write: `tercet-servers-<pid>`. The pid tells whether the run still
 * lives; what a killed run left is removed by the next one.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const prefix = 'tercet-servers-';

/** Makes the folder of this process, or answers the one that it has made already. */
export function runFolder(): string {
  const folder = path.join(tmpdir(), `${prefix}${process.pid}`);
  // Servers that may not run as root run as somebody else: they must be able to pass.
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  return folder;
}

/** Removes the folder of this process where nothing is left in it. */
export function leaveRunFolder(): void {
  try {
    rmdirSync(path.join(tmpdir(), `${prefix}${process.pid}`));
  } catch {
    // Somebody still works in it, or it is gone.
  }
}

/** Removes the folders of runs that are gone. */
export function removeStaleFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) {
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
