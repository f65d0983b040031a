/**
 * The two files of the embedded store. `lock.db` is held for life by an exclusive transaction: it proves that no
 * other process writes, and goes with the process however that ends. `tercet.db` stays readable for others.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ErrorCode } from '@tercet/core';
import type { Connection } from './batch';
import { type Database, openDatabase } from './driver';
import { KnownFailure, codeOf, describe, sqliteCode } from './failures';
import { migrate } from './migrations/migrate';
import { prepareStatements } from './statements';

/** Longest wait for a lock that another process holds on the data file, while the store is opened, milliseconds. */
const OPENING_WAIT_MS = 2_000;
/**
 * The same afterwards. Who waits in here hears nothing: a stop has to end within its grace. A write that did not get
 * the lock comes again by itself.
 */
const LOCK_WAIT_MS = 200;

/**
 * Settings of the data file's connection. WAL with FULL syncs the log at every commit; the fullfsync pair does
 * what macOS needs for the same promise and nothing elsewhere. A WAL that grew is cut back to 64 MiB.
 */
const dataPragmas = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'fullfsync = 1',
  'checkpoint_fullfsync = 1',
  'journal_size_limit = 67108864',
  'cache_size = -16384',
];

/** An open store: the data file and the lock. */
export interface OpenStore extends Connection {
  /** Moves the log into the data file and gives the lock back. */
  close(): void;
}

/** Opens the store in `directory`, to be written by `incarnation`. Throws KnownFailure. */
export function openStore(directory: string, incarnation: string): OpenStore {
  makeDirectory(directory);
  const lock = takeLock(directory);
  try {
    const db = openData(directory);
    const close = (): void => {
      try {
        db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        db.close();
      } finally {
        release(lock);
      }
    };
    const statements = prepareStatements(db, incarnation);
    const last = statements.lastRegistration.get() as { readonly id: number | null };
    return { db, statements, nextRegistration: (last.id ?? 0) + 1, close };
  } catch (error) {
    release(lock);
    throw error;
  }
}

/** What a file system answers to a directory that cannot be had; only its owner can mend that. */
const pathErrors = /^(EEXIST|ENOTDIR|ENOENT|EACCES|EPERM|EROFS|ENOSPC|ELOOP|ENAMETOOLONG|EINVAL)$/;

/** Makes the directory and those above it. A bad path is the setting's fault, not the store's. */
function makeDirectory(directory: string): void {
  try {
    createMissing(directory);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!pathErrors.test(code)) throw error;
    const why = code === 'EEXIST' ? 'it is a file' : describe(error);
    throw refused('CONFIG_INVALID', `the data directory ${directory} cannot be used: ${why}`);
  }
}

/** One level at a time: Node 20's own `recursive` spins for ever below /proc, where nothing can be made. */
function createMissing(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(directory);
  if (parent !== directory && !existsSync(parent)) createMissing(parent);
  mkdirSync(directory, { mode: 0o700 });
}

function takeLock(directory: string): Database {
  const file = join(directory, 'lock.db');
  return atStart(file, () => {
    const lock = openDatabase(file);
    try {
      // Its journal lives in memory: nothing is left behind that a later opener would have to play back.
      lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      lock.close();
      if (codeOf(error) === sqliteCode.BUSY) throw inUse(directory);
      throw error;
    }
  });
}

/** Does a part of the start: nobody repeats it where another process holds the lock for a moment. */
export function patiently<T>(db: Database, work: () => T): T {
  db.exec(`PRAGMA busy_timeout = ${OPENING_WAIT_MS}`);
  try {
    return work();
  } finally {
    db.exec(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
  }
}

function openData(directory: string): Database {
  const file = join(directory, 'tercet.db');
  return atStart(file, () => {
    const db = openDatabase(file);
    try {
      return patiently(db, () => {
        for (const pragma of dataPragmas) db.exec(`PRAGMA ${pragma}`);
        migrate(db, file);
        return db;
      });
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** The exclusive transaction ends before the file is closed: a driver may keep a closed file open until it is collected. */
function release(lock: Database): void {
  lock.exec('ROLLBACK');
  lock.close();
}

/** Runs a step of opening; its errors name the file. */
function atStart<T>(file: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof KnownFailure) throw error;
    const code = codeOf(error);
    if (code === sqliteCode.NOTADB || code === sqliteCode.CORRUPT) {
      throw refused('STORE_CORRUPT', `${file} is not a readable database (${describe(error)})`);
    }
    const message = `${file} cannot be opened: ${describe(error)}`;
    throw new KnownFailure({ kind: 'store', failure: 'unavailable', message });
  }
}

function inUse(directory: string): KnownFailure {
  return refused(
    'STORE_IN_USE',
    `another process holds the store in ${directory}: stop it, or use another directory`,
  );
}

function refused(code: ErrorCode, message: string): KnownFailure {
  return new KnownFailure({ kind: 'tercet', code, message });
}
