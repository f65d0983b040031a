/**
 * What an error of the server, or of the way to it, means for a batch. An error that the server answers is definite: what
 * came before it is rolled back, what comes after it was not run, COMMIT among it. Only a lost connection leaves a doubt.
 */
import { StoreFailure, type StoreFailureKind } from '../../store';

/** The part of a driver's error that is looked at. */
export interface DriverError {
  readonly errno?: number | undefined;
  readonly code?: string | undefined;
  readonly sqlState?: string | undefined;
  readonly fatal?: boolean | undefined;
  readonly message: string;
}

/** Numbers of errors that Tercet tells apart. */
export const mysqlError = {
  LOCK_WAIT_TIMEOUT: 1205,
  LOCK_DEADLOCK: 1213,
  CHECKREAD: 1020,
  UNKNOWN_COM: 1047,
  BAD_NULL: 1048,
  DUP_KEYNAME: 1061,
  DUP_ENTRY: 1062,
  NO_SUCH_TABLE: 1146,
  ERROR_DURING_COMMIT: 1180,
  QUERY_INTERRUPTED: 1317,
  SIGNAL: 1644,
  STATEMENT_TIMEOUT: 1969,
  SERVER_SHUTDOWN: 1053,
  CONNECTION_KILLED: 1927,
  FORCING_CLOSE: 1080,
  ABORTING_CONNECTION: 1152,
  NEW_ABORTING_CONNECTION: 1184,
  PACKET_TOO_LARGE: 1153,
  DATA_TRUNCATED: 1265,
  INCORRECT_VALUE: 1366,
  CONSTRAINT_FAILED: 4025,
  CHECK_CONSTRAINT_VIOLATED: 3819,
} as const;

const transient: readonly number[] = [
  mysqlError.LOCK_WAIT_TIMEOUT,
  mysqlError.LOCK_DEADLOCK,
  mysqlError.CHECKREAD,
];

/** The server has given the connection up, or is about to: nobody knows what it still did. */
const ends: readonly number[] = [
  mysqlError.SERVER_SHUTDOWN,
  mysqlError.CONNECTION_KILLED,
  mysqlError.FORCING_CLOSE,
  mysqlError.ABORTING_CONNECTION,
  mysqlError.NEW_ABORTING_CONNECTION,
];

/** Wrong data whose SQLSTATE says no more than "general error" or "warning", on some server at least. */
const data: readonly number[] = [
  mysqlError.PACKET_TOO_LARGE,
  mysqlError.DATA_TRUNCATED,
  mysqlError.INCORRECT_VALUE,
  mysqlError.CONSTRAINT_FAILED,
  mysqlError.CHECK_CONSTRAINT_VIOLATED,
];

/** SQLSTATE classes of wrong data: cardinality, data exception, integrity. */
const dataClasses: readonly string[] = ['21', '22', '23'];

/** Whether the connection is of no use any more. */
export function isFatal({ fatal, errno = 0, sqlState }: DriverError): boolean {
  // Without an SQLSTATE it is none of the server's: the connection itself failed.
  return fatal === true || sqlState === undefined || ends.includes(errno);
}

/** Judges an error of a command that was sent. */
export function failureOf(error: DriverError): StoreFailure {
  return new StoreFailure(kindOf(error), describe(error), { cause: error });
}

/** Judges an error of a connection on which nothing was sent yet. */
export function unreachable(error: DriverError, where: string): StoreFailure {
  const message = `no connection to the store at ${where}: ${describe(error)}`;
  return new StoreFailure('unavailable', message, { cause: error });
}

function kindOf(error: DriverError): StoreFailureKind {
  const { errno = 0, sqlState = '' } = error;
  // A cluster that was cut off in the middle of a commit says so: the rest of it may have the commit.
  if (isFatal(error) || errno === mysqlError.ERROR_DURING_COMMIT) return 'unknown';
  if (transient.includes(errno)) return 'transient';
  if (data.includes(errno)) return 'data';
  return dataClasses.includes(sqlState.slice(0, 2)) ? 'data' : 'unavailable';
}

/** The error in a line; the driver's own texts name no password. */
export function describe(error: DriverError): string {
  const { code, errno, message } = error;
  const number = errno === undefined || errno < 0 ? '' : ` ${errno}`;
  // The driver has no name for many of MariaDB's numbers.
  if (code === undefined) return number === '' ? message : `error${number}: ${message}`;
  return `${code}${number}: ${message}`;
}
