/**
 * One UPDATE for many rows that get different values, in SQL that every server of the family knows. A list of values that are
 * joined as a table costs more than this for the sizes of batches, and has a syntax of its own on each server.
 *
 * U1 `WHERE gid IN (…)` finds the rows by the primary key alone; the guard is compared as a whole row afterwards.
 */

import { word } from './literals';

/** How many rows one statement changes: looking a row's value up takes a comparison for each one before it. */
export const ROWS_MAX = 100;
/** Up to so many different values are told apart by lists of gids, which are looked up in sorted order. */
const CASES_MAX = 8;

/** A column that is set: its literal for each row. */
export type Assignments<T> = Readonly<Record<string, (row: T) => string>>;

/** What an UPDATE is made of. */
export interface UpdateParts<T extends { readonly gid: string }> {
  /** Sorted by gid. */
  readonly rows: readonly T[];
  readonly set: Assignments<T>;
  /** Columns that are compared with the row's own values, besides the gid. */
  readonly guard: Assignments<T>;
  /** A condition that is the same for all rows. */
  readonly where: string;
}

/** A statement, and how many rows it matches where every guard does. */
export interface Update {
  readonly sql: string;
  readonly rows: number;
}

/** The statements, each of at most ROWS_MAX rows. */
export function updatesOf<T extends { readonly gid: string }>(parts: UpdateParts<T>): Update[] {
  const updates: Update[] = [];
  for (let from = 0; from < parts.rows.length; from += ROWS_MAX) {
    const rows = parts.rows.slice(from, from + ROWS_MAX);
    updates.push({ sql: updateOf({ ...parts, rows }), rows: rows.length });
  }
  return updates;
}

/** One statement for all rows. */
export function updateOf<T extends { readonly gid: string }>(parts: UpdateParts<T>): string {
  const { rows, set, guard, where } = parts;
  const gids = rows.map(({ gid }) => word(gid));
  const list = gids.join(',');
  const columns = Object.entries(set).map(([column, of]) => {
    return `${column}=${valueOf(rows.map(of), gids, list)}`;
  });
  return (
    `UPDATE transactions FORCE INDEX (PRIMARY) SET ${columns.join(',')}` +
    ` WHERE gid IN (${list})${guardsOf(rows, gids, guard)} AND ${where}`
  );
}

/** What is the same for all rows is compared once, the rest as whole rows. */
function guardsOf<T>(rows: readonly T[], gids: readonly string[], guard: Assignments<T>): string {
  let same = '';
  const differing: string[][] = [];
  const columns: string[] = [];
  for (const [column, of] of Object.entries(guard)) {
    const values = rows.map(of);
    const [first = 'NULL'] = values;
    if (values.every((value) => value === first)) {
      same += ` AND ${column}=${first}`;
    } else {
      columns.push(column);
      differing.push(values);
    }
  }
  if (columns.length === 0) return same;
  const whole = gids.map((gid, i) => `(${gid},${differing.map((values) => values[i]).join(',')})`);
  return `${same} AND (gid,${columns.join(',')}) IN (${whole.join(',')})`;
}

/** The value of a column as an expression of the row's gid. */
function valueOf(values: readonly string[], gids: readonly string[], list: string): string {
  const [first = 'NULL'] = values;
  if (values.every((value) => value === first)) return first;
  const places = new Map<string, string[]>();
  values.forEach((value, i) => {
    const place = places.get(value);
    if (place === undefined) places.set(value, [String(gids[i])]);
    else place.push(String(gids[i]));
  });
  if (places.size > CASES_MAX) return `ELT(FIELD(gid,${list}),${values.join(',')})`;
  const [[last] = ['NULL'], ...others] = [...places].reverse();
  const cases = others.map(([value, those]) => `WHEN gid IN (${those.join(',')}) THEN ${value}`);
  return `CASE ${cases.join(' ')} ELSE ${last} END`;
}
