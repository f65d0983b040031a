import { type ListDialect, listRows } from '../../rows/list-query';
import type { SqlListRequest } from '../sql-server';
import { summaryColumns } from './columns';
import { isWord } from './literals';
import type { Session } from './session';
import { sqlBuilder, sqlOf } from './sql-builder';

/** Rows of a list, at most `limit + 1`. */
export async function readList(
  session: Session,
  request: SqlListRequest,
): Promise<readonly unknown[]> {
  const { gidPrefix } = request;
  if (gidPrefix !== undefined && !isWord(gidPrefix)) return [];
  return await listRows(request, dialect(), async (query) => {
    const [answer] = await session.run([sqlOf(query)]);
    return answer?.rows ?? [];
  });
}

function dialect(): ListDialect {
  return {
    builder: sqlBuilder(),
    gidStartsWith: 'locate(?, gid) = 1',
    // As bytes: a collation may leave blanks at the end out of account.
    nameIs: 'cast(name as binary) = cast(? as binary)',
    layout: { select: summaryColumns, finishedAt: 'next_at', isFinished: 'open_owner is null' },
  };
}
