/**
 * Services of one server that share a barrier. A barrier's row names run and branch, not the action, and neither does
 * what operators compare it with: of two actions with one name nobody could tell whose row it is.
 */
import type { Server } from '@grpc/grpc-js';
import type { Barrier } from '../barrier/barrier';
import { ConfigError } from '../errors';
import type { AnyTccDefinition } from './handlers';

/** Which service has an action, by its name. */
type ServiceOfAction = Map<string, string>;

// What belongs to a server has to be found by it: see deliver-offer.ts. Weak: it goes with the server.
const known = new WeakMap<Server, Map<Barrier<unknown>, ServiceOfAction>>();

/**
 * Whether an action has a name that another service of the server has with the same barrier. Throws ConfigError naming
 * both; changes nothing.
 */
export function checkActionNames(
  server: Server,
  barrier: Barrier<unknown>,
  definitions: readonly AnyTccDefinition[],
): void {
  const taken = known.get(server)?.get(barrier);
  if (taken === undefined) return;
  for (const { actions, serviceName } of definitions) {
    for (const action of Object.keys(actions)) {
      const other = taken.get(action);
      if (other === undefined || other === serviceName) continue;
      throw new ConfigError(
        `addTcc: ${serviceName} and ${other} both have an action ${action}, and share the barrier ${barrier.name} on one server; give one of them another name in defineTcc, for example ${action}-${lastPart(serviceName)}`,
        { option: 'barrier' },
      );
    }
  }
}

/** Remembers the actions of services that were added. */
export function rememberActionNames(
  server: Server,
  barrier: Barrier<unknown>,
  definitions: readonly AnyTccDefinition[],
): void {
  const barriers = known.get(server) ?? new Map<Barrier<unknown>, ServiceOfAction>();
  const taken: ServiceOfAction = barriers.get(barrier) ?? new Map<string, string>();
  for (const { actions, serviceName } of definitions) {
    for (const action of Object.keys(actions)) taken.set(action, serviceName);
  }
  barriers.set(barrier, taken);
  known.set(server, barriers);
}

function lastPart(serviceName: string): string {
  return serviceName.slice(serviceName.lastIndexOf('.') + 1);
}
