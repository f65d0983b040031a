/** What a handler gets as `ctx.db` of `pgBarrier`: the client's `query`, through the gate. */
import type { Client, ClientBase, QueryConfig, QueryResult } from 'pg';
import type { PgSession } from './pg-session';

/**
 * The open local transaction of a call: `query` as node-postgres has it (text, config and named statements; promise or
 * callback), and its two escaping functions. It refuses COMMIT, ROLLBACK, BEGIN and the like in any text, `release`, `end`,
 * and everything after the handler has returned. Savepoints are allowed. Cursors and streams (objects with `submit`) are not:
 * they read on when the handler has returned; use LIMIT or DECLARE CURSOR.
 */
export type PgTransaction = Pick<ClientBase, 'query' | 'escapeIdentifier' | 'escapeLiteral'>;

type Callback = (error: Error | null, result?: QueryResult) => void;
type Query = string | QueryConfig;
/** The one form that all others are turned into. */
type PlainQuery = (query: Query, values?: unknown) => Promise<QueryResult>;

/** The methods of a client that would take the connection away. */
const withheld = ['release', 'end', 'connect'] as const;

/** Makes it. */
export function pgHandlerClient(client: Client, session: PgSession): PgTransaction {
  const plain = client.query.bind(client) as PlainQuery;
  const query = (
    what: Query,
    values?: unknown,
    callback?: unknown,
  ): Promise<QueryResult> | void => {
    const told = [values, callback].find((one) => typeof one === 'function') as
      | Callback
      | undefined;
    const given = typeof values === 'function' ? undefined : values;
    const answer = gatedQuery(session, plain, { what, values: given });
    if (told === undefined) return answer;
    answer.then(
      (result) => told(null, result),
      (error: unknown) => told(error as Error),
    );
  };
  const refusals = withheld.map((name) => [name, refuse(session, `${name}()`)]);
  return {
    ...(Object.fromEntries(refusals) as object),
    query: query as unknown as ClientBase['query'],
    escapeIdentifier: (text) => client.escapeIdentifier(text),
    escapeLiteral: (text) => client.escapeLiteral(text),
  };
}

async function gatedQuery(
  session: PgSession,
  plain: PlainQuery,
  { what, values }: { readonly what: Query; readonly values: unknown },
): Promise<QueryResult> {
  if (typeof (what as { readonly submit?: unknown } | undefined)?.submit === 'function') {
    throw new Error(
      'ctx.db.query takes no cursors and no streams: they read on when the handler has returned. Use LIMIT, or DECLARE CURSOR',
    );
  }
  // A callback in the config would be called past the gate.
  const config = typeof what === 'object' ? { ...what, callback: undefined } : what;
  const text = typeof what === 'string' ? what : (what?.text ?? '');
  return session.handlerStatement(text, () => plain(config, values));
}

function refuse(session: PgSession, what: string): () => never {
  return () => {
    throw session.gate.refusal(what);
  };
}
