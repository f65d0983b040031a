import { migration0001 } from './0001-transactions';
import type { Migration } from './migration';

/** Every migration, oldest first: a static list, so that a bundle holds them too. */
export const migrations: readonly Migration[] = [migration0001];
