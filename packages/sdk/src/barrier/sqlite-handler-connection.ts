/** What a handler gets as `ctx.db` on SQLite: the user's own connection behind a gate. */
import type { HandlerGate } from './handler-gate';
import type { SqliteConnection } from './sqlite-connection';

/** Methods that end the transaction, or the connection. */
const refused: ReadonlySet<string | symbol> = new Set(['close', 'open', Symbol.dispose]);
/** Methods whose first argument is SQL. */
const takesSql: ReadonlySet<string | symbol> = new Set(['exec', 'prepare']);
/** Methods whose answer sends statements itself. */
const givesSender: ReadonlySet<string | symbol> = new Set(['prepare', 'createTagStore']);

/** The same connection; every method asks the gate first. */
export function sqliteHandlerConnection<D extends SqliteConnection>(
  connection: D,
  gate: HandlerGate,
): D {
  return behind(connection, (key, method) => {
    if (refused.has(key)) return refusal(gate, key);
    return (...args: readonly unknown[]) => {
      const sql = takesSql.has(key) ? String(args[0]) : '';
      const answer = gate.passNow(sql, () => method(...args));
      return givesSender.has(key) ? sender(answer as object, gate) : answer;
    };
  });
}

function refusal(gate: HandlerGate, key: string | symbol): Method {
  return () => {
    throw gate.refusal(`ctx.db.${String(key)}()`);
  };
}

/** A prepared statement must not outlive its handler: on its own it would take effect at once. */
function sender(statement: object, gate: HandlerGate): object {
  return behind(
    statement,
    (_key, method) =>
      (...args) =>
        gate.passNow('', () => method(...args)),
  );
}

type Method = (...args: readonly unknown[]) => unknown;

/** Native classes want their own `this`: methods are bound to the target, never to the proxy. */
function behind<T extends object>(
  target: T,
  guarded: (key: string | symbol, method: Method) => Method,
): T {
  return new Proxy(target, {
    get(_target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return guarded(key, (...args) => Reflect.apply(value, target, args) as unknown);
    },
  });
}
