/**
 * A server program as a process that cannot outlive the run. A shell stands between: it ends the server when its standard
 * input closes, and the system closes that for us, however we end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { leaveRunFolder, runFolder } from './run-folder';
import type { ServerOptions } from './server-kind';

/** A user of this machine, by number. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** What to run. */
export interface LocalProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** Whom it runs as. undefined = as ourselves. */
  readonly user?: SystemUser | undefined;
  /** How it is told to end at once. PostgreSQL leaves shared memory behind after KILL. */
  readonly endSignal: 'KILL' | 'QUIT';
  /** Where its output goes: told when it does not start. */
  readonly logFile: string;
}

// The first argument is the signal; the server gets no part of the pipe that watches over it.
const guard = `
signal=$1; shift; exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat >/dev/null <&3; kill -s "$signal" "$server"; } 2>/dev/null & watcher=$!
exec 3<&-
wait "$server"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"`;

/** A running program. */
export class LocalProcess {
  private readonly child: ChildProcess;
  private readonly gone: Promise<void>;
  private isGone = false;

  constructor(private readonly program: LocalProgram) {
    const log = openSync(program.logFile, 'a');
    const { command, args, user, endSignal } = program;
    this.child = spawn('/bin/sh', ['-c', guard, 'guard', endSignal, command, ...args], {
      cwd: '/',
      stdio: ['pipe', log, log],
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    closeSync(log);
    this.gone = new Promise((resolve) => {
      const end = (): void => {
        this.isGone = true;
        resolve();
      };
      this.child.once('exit', end).once('error', end);
    });
    // Nobody waits for a server: its run ends when the tests have ended.
    this.child.stdin?.on('error', () => undefined);
    (this.child.stdin as { unref?: () => void } | null)?.unref?.();
    this.child.unref();
  }

  /** Resolves when `ask` does. Rejects with what the program printed where it ended, or does not answer in a minute. */
  async answers(ask: () => Promise<unknown>): Promise<void> {
    const last = Date.now() + 60_000;
    for (;;) {
      try {
        await ask();
        return;
      } catch (error) {
        if (this.isGone || Date.now() > last) {
          throw new Error(`${this.program.command} does not answer: ${this.log()}`, {
            cause: error,
          });
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Ends it at once. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.child.ref();
    this.child.stdin?.end();
    await this.gone;
  }

  private log(): string {
    return readFileSync(this.program.logFile, 'utf8').slice(-2000);
  }
}

/** A folder for one server's data, owned by the user that it runs as. */
export function dataFolder(name: string, options: ServerOptions, user?: SystemUser): string {
  const folder = mkdtempSync(path.join(options.folder ?? runFolder(), `${name}-`));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Removes it, whoever owns what lies in it, and the run's folder where it was the last one in it. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  leaveRunFolder();
}

/** The user a server runs as that refuses root: its own where it exists, else nobody. undefined where we are not root. */
export function serverUser(name: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([user = '', , uid, gid]) => ({ name: user, uid: Number(uid), gid: Number(gid) }));
  const found = [name, 'nobody'].map((wanted) => users.find((user) => user.name === wanted));
  return found.find((user) => user !== undefined);
}

/** A port that nobody listens on now. Somebody may come first: `withFreePort` tries again. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts something on a free port, on another one where that was taken meanwhile. */
export async function withFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}
