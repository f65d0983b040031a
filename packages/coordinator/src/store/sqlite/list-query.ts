import { type SectionPage, sectionQuery } from '../rows/list-query';
import type { Database } from './driver';
import type { ListRequest } from './messages';
import { rowsOf, sqlBuilder } from './sql-builder';

/** Rows of a list, at most `limit + 1`: open transactions, then finished ones, each from its own index. */
export function listRows(db: Database, request: ListRequest): readonly unknown[] {
  const dialect = { builder: sqlBuilder(), gidStartsWith: 'instr(gid, ?) = 1' };
  const rows = (section: SectionPage['section'], limit: number): readonly unknown[] => {
    const query = sectionQuery({ request, dialect, section, limit });
    return query === undefined ? [] : rowsOf(db, query);
  };
  const open = rows('open', request.limit + 1);
  const limit = request.limit + 1 - open.length;
  return limit <= 0 ? open : [...open, ...rows('finished', limit)];
}
