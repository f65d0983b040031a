/** What a handler gets as `ctx.db` of `mysql2Barrier`: the connection of mysql2/promise, through the gate. */
import type { Connection, PreparedStatementInfo } from 'mysql2/promise';
import type { Mysql2Session } from './mysql2-session';

/**
 * The open local transaction of a call: a connection of `mysql2/promise`. `query`, `execute` and `prepare` are as the driver
 * has them; statements run one at a time. Everything that would end the transaction or take the connection away is refused
 * with an Error: `beginTransaction`, `commit`, `rollback`, `release`, `end`, `destroy`, `changeUser`, `reset`, and
 * COMMIT, BEGIN, DDL and the like as texts. So is everything after the handler has returned. Savepoints are allowed.
 */
export type Mysql2Transaction = Connection;

/** Passed on as they are: they send nothing. */
const harmless = new Set<string | symbol>(['escape', 'escapeId', 'format', 'config', 'threadId']);
/** An object of these names would be taken for something else. */
const absent = new Set<string | symbol>(['then', 'toJSON', 'asymmetricMatch', '$$typeof']);

type Sends = (what: unknown, values?: unknown) => Promise<unknown>;

/** Makes it. */
export function mysql2HandlerConnection(
  connection: Connection,
  session: Mysql2Session,
): Mysql2Transaction {
  const query = connection.query.bind(connection) as Sends;
  const execute = connection.execute.bind(connection) as Sends;
  const own: Readonly<Record<string, unknown>> = {
    query: (what: unknown, values?: unknown) =>
      session.handlerStatement(textOf(what), () => call(query, what, values)),
    execute: (what: unknown, values?: unknown) =>
      session.handlerStatement(textOf(what), () => call(execute, what, values)),
    prepare: (what: string) => prepare(what),
    unprepare: (what: string) => connection.unprepare(what),
    ping: () => session.handlerStatement('DO 0', () => connection.ping()),
  };
  function call(send: Sends, what: unknown, values: unknown): Promise<unknown> {
    return values === undefined ? send(what) : send(what, values);
  }
  async function prepare(what: string): Promise<PreparedStatementInfo> {
    const sql = textOf(what);
    // Preparing does nothing yet: no guard around it.
    const statement = await session.gate.pass(sql, () => connection.prepare(what));
    return {
      close: () => statement.close(),
      execute: (values: unknown) => session.handlerStatement(sql, () => statement.execute(values)),
    };
  }
  const get = (_target: object, name: string | symbol): unknown => {
    if (typeof name === 'string' && Object.hasOwn(own, name)) return own[name];
    if (absent.has(name)) return undefined;
    const value: unknown = Reflect.get(connection, name);
    if (harmless.has(name)) return typeof value === 'function' ? value.bind(connection) : value;
    if (name === 'connection') throw session.gate.refusal('ctx.db.connection');
    return typeof value === 'function' ? refusing(String(name)) : undefined;
  };
  function refusing(name: string): () => never {
    return () => {
      throw session.gate.refusal(`${name}()`);
    };
  }
  return new Proxy(Object.create(null) as object, { get }) as Connection;
}

/** The text of a statement, given as a string or as options. */
function textOf(what: unknown): string {
  if (typeof what === 'string') return what;
  const { sql } = (what ?? {}) as { readonly sql?: unknown };
  return typeof sql === 'string' ? sql : '';
}
