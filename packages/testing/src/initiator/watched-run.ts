/**
 * A run whose callback virtual time can see: while the callback does something of its own (a query, a request), virtual
 * time waits for it; while it waits for its Tries, it does not.
 */
import type { TransactionContext } from '@tercet/sdk';
import type { UnderWay, Work } from '../time/under-way';

type Callback<T> = (tx: TransactionContext) => Promise<T> | T;

/** The callback, watched. */
export function watchedCallback<T>(underWay: UnderWay, callback: Callback<T>): Callback<T> {
  // What is no function is refused by `run` itself.
  if (typeof callback !== 'function') return callback;
  return async (tx) => {
    const work = underWay.begin(runKey(tx.runId));
    try {
      return await callback(watchedContext(tx, work));
    } finally {
      work.end();
    }
  };
}

/** Under which a run's work is found from inside its callback. */
export function runKey(runId: string): string {
  return `run ${runId}`;
}

function watchedContext(tx: TransactionContext, work: Work): TransactionContext {
  return {
    gid: tx.gid,
    runId: tx.runId,
    get signal() {
      return tx.signal;
    },
    use: (definition, options) => watchedProxy(tx.use(definition, options), work),
    all: (tries) => tx.all(tries),
  };
}

/** The functions of a definition's actions, each asleep while its Try is under way. */
function watchedProxy<P extends object>(proxy: P, work: Work): P {
  return new Proxy(proxy, {
    get(target, name, receiver): unknown {
      const found: unknown = Reflect.get(target, name, receiver);
      if (typeof found !== 'function') return found;
      return (...given: readonly unknown[]): unknown => {
        const reply: unknown = Reflect.apply(found, target, given);
        if (!(reply instanceof Promise)) return reply;
        work.sleep();
        const wake = (): void => work.wake();
        reply.then(wake, wake);
        return reply;
      };
    },
  });
}
