/** Makes the callback's view of a run. */
import type { Replies, TransactionContext } from '../transaction-context';
import type { RunEnv } from './run-env';
import { tccProxy } from './tcc-proxy';

/** The context of a run. */
export function contextOf(env: RunEnv): TransactionContext {
  const { plan, control, tries } = env;
  return {
    gid: plan.gid,
    runId: plan.runId,
    get signal() {
      return control.abortSignal;
    },
    use: (definition, use) => tccProxy(tries, definition, use),
    all: allReplies,
  };
}

/** Awaits several Tries, as `TransactionContext.all` says. */
export function allReplies<T extends readonly unknown[] | []>(tries: T): Promise<Replies<T>> {
  return handled(allOf(tries));
}

async function allOf<T extends readonly unknown[]>(tries: T): Promise<Replies<T>> {
  const failures: unknown[] = [];
  const settled = await Promise.all(
    tries.map(async (each) => {
      try {
        return await each;
      } catch (error) {
        failures.push(error);
        return undefined;
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
  return settled as Replies<T>;
}

/** A rejection that nobody awaits stays silent: the run itself reports it. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
