/** The actions of a definition as functions that start Tries: for the callback of a run and for nested work. */
import type { TccDefinition } from '../define-tcc';
import { checkDefinition } from '../known-definition';
import type { ServiceLike } from '../service-definition';
import type { ActionMap } from '../tcc-action';
import type { TccProxy, TryOptions, UseOptions } from '../transaction-context';
import { checkUse } from './branch-spec';
import type { Tries } from './tries';

/** The proxy of one participant. Sends nothing. Throws ConfigError for a wrong definition, or naming the option. */
export function tccProxy<S extends ServiceLike, A extends ActionMap>(
  tries: Pick<Tries, 'start'>,
  definition: TccDefinition<S, A>,
  use: UseOptions,
): TccProxy<S, A> {
  checkDefinition('use', definition);
  checkUse(use);
  const actions = Object.entries<TccDefinition['actions'][string]>(definition.actions);
  const proxies = actions.map(([name, action]) => [
    name,
    (request: unknown, options: TryOptions = {}): Promise<unknown> =>
      tries.start({ action, use, request, options }),
  ]);
  // Each function's types follow from the definition; at run time they are all the same function.
  return Object.fromEntries(proxies) as TccProxy<S, A>;
}
