import { migration0001 } from './0001-transactions';
import { migration0002 } from './0002-operated-branches';
import { migration0003 } from './0003-whole-registrations';
import { migration0004 } from './0004-tombstones';
import type { Migration } from './migration';

/** Every migration, oldest first: a static list, so that a bundle holds them too. */
export const migrations: readonly Migration[] = [
  migration0001,
  migration0002,
  migration0003,
  migration0004,
];
