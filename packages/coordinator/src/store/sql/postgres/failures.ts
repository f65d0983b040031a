/**
 * What an error of PostgreSQL, or of the connection to it, means for a batch. The server's own answer that it is ready again
 * decides first: an error that is followed by it ended the transaction and nothing else; where the connection ends instead,
 * nobody knows.
 */
import { TercetError } from '@tercet/core';
import { pooledText } from './own-session';
import { StoreFailure, type StoreFailureKind } from '../../store';

/** How far a statement had come when the error arrived. */
export type Stage =
  /** Nothing of it was sent. */
  | 'before'
  /** It was refused, and the connection lives. */
  | 'refused'
  /** It was sent, and no end of it was heard. */
  | 'sent';

const unknown = /^(08...|57P0[12]|40003)$/;
const transient = /^(40...|55P03)$/;
/** 54: limits of a row, an index entry among them. */
const data = /^(2[123]|54)...$/;

/** The SQLSTATE of an error; undefined where it is none of the server's. */
export function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The session does not know a statement that it has prepared: it is another one than before. */
const FOREIGN_SESSION = '26000';

/** The failure that an error is. */
export function failureOf(error: unknown, stage: Stage): StoreFailure {
  if (error instanceof StoreFailure) return error;
  return new StoreFailure(kindOf(sqlStateOf(error), stage), describe(error), { cause: error });
}

/** The failure that an error of a reader is: what only reads leaves no doubt. */
export function readFailureOf(error: unknown): StoreFailure {
  const failure = failureOf(error, 'refused');
  if (failure.kind !== 'unknown') return failure;
  return new StoreFailure('unavailable', failure.message, { cause: error });
}

function kindOf(state: string | undefined, stage: Stage): StoreFailureKind {
  if (stage === 'before') return 'unavailable';
  if (stage === 'sent') return 'unknown';
  if (state === undefined) return 'unavailable';
  if (unknown.test(state)) return 'unknown';
  if (transient.test(state)) return 'transient';
  return data.test(state) ? 'data' : 'unavailable';
}

/** The text of an error, with the server's own number for it. */
export function describe(error: unknown): string {
  const state = sqlStateOf(error);
  const text = textOf(error);
  if (error instanceof TercetError) return text;
  if (state === FOREIGN_SESSION) return `PostgreSQL ${state}: ${text}: ${pooledText}`;
  return state === undefined ? `PostgreSQL: ${text}` : `PostgreSQL ${state}: ${text}`;
}

/** Of several addresses that all failed Node makes one error without a text. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
