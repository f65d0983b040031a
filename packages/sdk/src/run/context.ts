/** Makes the callback's view of a run. */
import type { TccDefinition } from '../define-tcc';
import type { ActionMap } from '../tcc-action';
import type { ServiceLike } from '../service-definition';
import type { Replies, TccProxy, TransactionContext, TryOptions } from '../transaction-context';
import { checkUse } from './branch-spec';
import type { RunEnv } from './run-env';

/** The context of a run. */
export function contextOf(env: RunEnv): TransactionContext {
  const { plan, control, tries } = env;
  return {
    gid: plan.gid,
    runId: plan.runId,
    signal: control.signal,
    use<S extends ServiceLike, A extends ActionMap>(
      definition: TccDefinition<S, A>,
      use: { target: string },
    ): TccProxy<S, A> {
      checkUse(use);
      const actions = Object.entries<TccDefinition['actions'][string]>(definition.actions);
      const proxies = actions.map(([name, action]) => [
        name,
        (request: unknown, options: TryOptions = {}): Promise<unknown> =>
          tries.start({ action, use, request, options }),
      ]);
      // Each function's types follow from the definition; at run time they are all the same function.
      return Object.fromEntries(proxies) as TccProxy<S, A>;
    },
    all: (started) => handled(allOf(started)),
  };
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
