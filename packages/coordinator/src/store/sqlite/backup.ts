/**
 * An online copy of the embedded store's data file.
 *
 * B1 The copy is of one moment: whatever was acknowledged before the call is in it. Whoever writes meanwhile is not stopped.
 * B2 The file has its name only once it is whole, checked and on the disk. One that is there already is never touched.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Scheduler, TercetError } from '@tercet/core';
import type { BackupReply, BackupRequest, FileFacts } from './backup-messages';
import { threadEntry } from './thread-entry';

/** What is copied, and where to. */
export interface FileBackup {
  /** Folder of the store. */
  readonly directory: string;
  /** The file to make. */
  readonly file: string;
  readonly scheduler: Scheduler;
  /** Told now and then while it takes long. */
  readonly onProgress: (progress: { readonly bytes: number; readonly ofBytes: number }) => void;
}

/** A copy that was made. */
export interface FileBackedUp extends FileFacts {
  readonly bytes: number;
}

const PROGRESS_MS = 2_000;

/** Makes it. Rejects with CONFIG_INVALID, STORE_CORRUPT, or STORE_UNAVAILABLE where it could not be written. */
export async function backupFile(backup: FileBackup): Promise<FileBackedUp> {
  const from = join(backup.directory, 'tercet.db');
  const file = resolve(backup.file);
  if (!existsSync(from)) throw wrong(`there is no store in ${backup.directory}`);
  if (existsSync(file)) throw wrong(`${backup.file} exists: a backup never replaces a file`);
  const partial = `${file}.partial-${process.pid}`;
  makeEmpty(partial, backup.file);
  try {
    const facts = await copied({ from, to: partial }, backup);
    const bytes = statSync(partial).size;
    settle(partial, file, backup.file);
    return { ...facts, bytes };
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Payloads are nobody else's business. */
function makeEmpty(file: string, named: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    throw wrong(`${named} cannot be made: ${textOf(error)}`);
  }
}

async function copied(request: BackupRequest, backup: FileBackup): Promise<FileFacts> {
  const [entry, options] = threadEntry('backup-worker');
  const thread = new Worker(entry, { ...options, workerData: request });
  const stop = watch(request, backup);
  try {
    const reply = await new Promise<BackupReply>((done, failed) => {
      thread.once('message', done);
      thread.once('error', failed);
      thread.once('exit', () => failed(new Error('its thread ended')));
    });
    if (reply.ok) return reply.facts;
    throw new Error(reply.message);
  } catch (cause) {
    const message = `${backup.directory} cannot be copied to ${backup.file}: ${textOf(cause)}`;
    throw new TercetError('STORE_UNAVAILABLE', { message, cause });
  } finally {
    stop();
    await thread.terminate();
  }
}

/** Tells how far it is; the answer ends it. */
function watch({ from, to }: BackupRequest, { scheduler, onProgress }: FileBackup): () => void {
  const look = (): void => {
    onProgress({ bytes: statSync(to).size, ofBytes: statSync(from).size });
    timer = scheduler.after(PROGRESS_MS, look);
  };
  let timer = scheduler.after(PROGRESS_MS, look);
  return () => timer.cancel();
}

/** B2: linking never replaces anything; a file system without links has to be believed that nothing is there. */
function settle(partial: string, file: string, named: string): void {
  sync(partial);
  try {
    linkSync(partial, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!noLinks.test(code) || existsSync(file)) {
      throw wrong(`${named} cannot be made: ${textOf(error)}`);
    }
    renameSync(partial, file);
  }
  sync(dirname(file));
}

/** What a file system without links answers. */
const noLinks = /^(EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS)$/;

function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function wrong(message: string): TercetError {
  return new TercetError('CONFIG_INVALID', { message });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
