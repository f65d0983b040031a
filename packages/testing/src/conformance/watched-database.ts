/**
 * A database handle that says when it is used: every call of it, and of a function that it holds, is one use.
 *
 * It stands in front of whatever the user's library gave. Functions run with the real handle as `this`, since drivers
 * keep private fields; the proxy's own target is an empty one, since frozen handles allow no other answers.
 */

/** Wraps `db`. `used` is called before each use; what it throws is what the use throws. */
export function watchedDatabase<Db>(db: Db, used: () => void): Db {
  const handle: unknown = db;
  if (typeof handle !== 'function' && !isObject(handle)) return db;
  const target = typeof handle === 'function' ? (): void => {} : {};
  return new Proxy(target, handlerFor(handle, used)) as Db;
}

type Callable = (...args: unknown[]) => unknown;

function handlerFor(handle: object, used: () => void): ProxyHandler<object> {
  return {
    apply: (_target, thisValue: unknown, args: unknown[]): unknown => {
      used();
      return Reflect.apply(handle as Callable, thisValue, args);
    },
    get: (_target, key): unknown => {
      const value: unknown = Reflect.get(handle, key, handle);
      return typeof value === 'function' && !isClass(value)
        ? usedBy(handle, value as Callable, used)
        : value;
    },
    set: (_target, key, value: unknown) => Reflect.set(handle, key, value, handle),
    has: (_target, key) => Reflect.has(handle, key),
    ownKeys: () => Reflect.ownKeys(handle),
    getPrototypeOf: () => Reflect.getPrototypeOf(handle),
    getOwnPropertyDescriptor: (_target, key) => {
      const found = Reflect.getOwnPropertyDescriptor(handle, key);
      return found === undefined ? undefined : { ...found, configurable: true };
    },
  };
}

/** The function with its own properties, such as `fn.now` of a query builder. */
function usedBy(handle: object, value: Callable, used: () => void): Callable {
  return new Proxy(value, {
    apply: (target, _thisValue, args: unknown[]): unknown => {
      used();
      return Reflect.apply(target, handle, args);
    },
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `db.constructor` and the like are looked at, not used. */
function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
