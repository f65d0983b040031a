/** The recipes, each on its own in its file; README.md says when to take which. */
export * from './charge';
export * from './database';
export * from './definitions';
export * from './idempotency-key';
export * from './made-by-try-mariadb';
export * from './made-by-try-sqlite';
export * from './provider';
export * from './reservation-table-mariadb';
export * from './reservation-table-sqlite';
export * from './version-column-mariadb';
export * from './version-column-sqlite';
