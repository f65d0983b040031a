import type { Knex } from 'knex';
import type { SchemaStep } from '../../migrate';
import { migration0001 } from './0001-transactions';

/** Every migration, oldest first: a static list, so that a bundle holds them too. */
export function migrations(builder: Knex): readonly SchemaStep[] {
  return [migration0001(builder)];
}
