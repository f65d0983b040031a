/** Lists as SQL, the same on every database: unfinished transactions first, then finished ones, each from its own index. */
import { type GlobalStatus, globalStatuses, isFinished } from '@tercet/core';
import type { Knex } from 'knex';
import type { ListPosition } from '../list-page';
import { summaryColumns } from './rows';

/** A list, cursor decoded and texts cleaned. */
export interface ListRequest {
  readonly statuses: readonly GlobalStatus[];
  readonly name: string | undefined;
  readonly gidPrefix: string | undefined;
  readonly limit: number;
  readonly after: ListPosition | undefined;
}

/** What a database says in its own way. */
export interface ListDialect {
  /** Makes queries of its dialect; runs none. */
  readonly builder: Knex;
  /** Condition that `gid` begins with the one binding. Not LIKE: its wildcards are characters of a gid like any other. */
  readonly gidStartsWith: string;
  /** Condition that `name` is the one binding. Default: that they are equal. */
  readonly nameIs?: string;
  /** Where columns are not those of {@link summaryColumns}. Default: they are. */
  readonly layout?: ListLayout;
}

/** How a database keeps what lists show. */
export interface ListLayout {
  /** What is selected, named as in {@link summaryColumns}. */
  readonly select: string;
  /** Column that says when a finished transaction has finished. */
  readonly finishedAt: string;
  /** Condition that a transaction has finished. */
  readonly isFinished: string;
}

const usual: ListLayout = {
  select: summaryColumns.join(', '),
  finishedAt: 'finished_at',
  isFinished: 'finished_at is not null',
};

/** Rows of a list, at most `limit + 1`: that there is one more says that there is a next page. */
export async function listRows(
  request: ListRequest,
  dialect: ListDialect,
  run: (query: Knex.QueryBuilder) => Promise<readonly unknown[]>,
): Promise<readonly unknown[]> {
  const page = { request, dialect };
  const first = sectionQuery({ ...page, section: 'open', limit: request.limit + 1 });
  const open = first === undefined ? [] : await run(first);
  const limit = request.limit + 1 - open.length;
  const second = limit <= 0 ? undefined : sectionQuery({ ...page, section: 'finished', limit });
  return second === undefined ? open : [...open, ...(await run(second))];
}

/** A part of a list that one index answers. */
export interface SectionPage {
  readonly request: ListRequest;
  readonly dialect: ListDialect;
  readonly section: ListPosition['section'];
  readonly limit: number;
}

/** The query of a section, or undefined where it has nothing to show. */
export function sectionQuery(page: SectionPage): Knex.QueryBuilder | undefined {
  const { request, dialect, section, limit } = page;
  const { after, name, gidPrefix } = request;
  const statuses = statusesOf(section, request.statuses);
  if (statuses.length === 0 || (section === 'open' && after?.section === 'finished')) {
    return undefined;
  }
  const { builder, layout = usual, nameIs = 'name = ?' } = dialect;
  const time = section === 'open' ? 'opened_at' : layout.finishedAt;
  const query = builder('transactions')
    .select(builder.raw(layout.select))
    .whereRaw(section === 'open' ? 'open_owner is not null' : layout.isFinished)
    .orderBy([
      { column: time, order: 'desc' },
      { column: 'gid', order: 'desc' },
    ])
    .limit(limit);
  if (request.statuses.length > 0) query.whereIn('status', statuses);
  if (name !== undefined) query.whereRaw(nameIs, [name]);
  if (gidPrefix !== undefined) query.whereRaw(dialect.gidStartsWith, [gidPrefix]);
  if (after?.section === section) query.whereRaw(`(${time}, gid) < (?, ?)`, [after.at, after.gid]);
  return query;
}

function statusesOf(
  section: ListPosition['section'],
  wanted: readonly GlobalStatus[],
): readonly GlobalStatus[] {
  const all = wanted.length === 0 ? globalStatuses : wanted;
  return all.filter((status) => isFinished(status) === (section === 'finished'));
}
