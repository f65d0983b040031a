import { type GlobalStatus, globalStatuses, isFinished } from '@tercet/core';
import type { Knex } from 'knex';
import type { Database } from './driver';
import type { ListRequest } from './messages';
import { summaryColumns } from './rows';
import { rowsOf, sqlBuilder } from './sql-builder';

type Section = 'open' | 'finished';

/** Rows of a list, at most `limit + 1`: open transactions, then finished ones, each from its own index. */
export function listRows(db: Database, request: ListRequest): readonly unknown[] {
  const builder = sqlBuilder();
  const open = rowsOfSection(db, builder, { request, section: 'open', limit: request.limit + 1 });
  const limit = request.limit + 1 - open.length;
  if (limit <= 0) return open;
  return [...open, ...rowsOfSection(db, builder, { request, section: 'finished', limit })];
}

interface SectionPage {
  readonly request: ListRequest;
  readonly section: Section;
  readonly limit: number;
}

function rowsOfSection(db: Database, builder: Knex, page: SectionPage): unknown[] {
  const { request, section, limit } = page;
  const { after, name, gidPrefix } = request;
  const statuses = statusesOf(section, request.statuses);
  if (statuses.length === 0 || (section === 'open' && after?.section === 'finished')) return [];
  const time = section === 'open' ? 'opened_at' : 'finished_at';
  const query = builder('transactions')
    .select(...summaryColumns)
    .whereNotNull(section === 'open' ? 'open_owner' : 'finished_at')
    .orderBy([
      { column: time, order: 'desc' },
      { column: 'gid', order: 'desc' },
    ])
    .limit(limit);
  if (request.statuses.length > 0) query.whereIn('status', statuses);
  if (name !== undefined) query.where('name', name);
  // Not LIKE: its wildcards are characters of a gid like any other, and it knows no case.
  if (gidPrefix !== undefined) query.whereRaw('instr(gid, ?) = 1', [gidPrefix]);
  if (after?.section === section) query.whereRaw(`(${time}, gid) < (?, ?)`, [after.at, after.gid]);
  return rowsOf(db, query);
}

function statusesOf(section: Section, wanted: readonly GlobalStatus[]): readonly GlobalStatus[] {
  const all = wanted.length === 0 ? globalStatuses : wanted;
  return all.filter((status) => isFinished(status) === (section === 'finished'));
}
