/** The servers that tests work with, and what a running one looks like. */

/** A kind of server. `redis-cluster` is three masters without replicas. */
export type ServerKind = 'mariadb' | 'postgres' | 'redis' | 'redis-cluster';

/** A server that answers. */
export interface RunningServer {
  /** `mysql://root@127.0.0.1:port/`, `postgres://…/postgres`, `redis://…`; of a cluster, one node's. */
  readonly url: string;
  /** Ends it and removes its data. Does nothing to a server that was not started here. Safe to repeat. */
  stop(): Promise<void>;
}

/** There is none: every way that was tried, and why it led nowhere. */
export interface MissingServer {
  readonly missing: readonly string[];
}

/** What is to be started. */
export interface ServerOptions {
  /** Every commit reaches the disk before it is answered, as in production. Default: false, tests are faster so. */
  readonly durable?: boolean;
  /** Where its data may lie; must exist. Default: a folder of this process in the system's temporary folder. */
  readonly folder?: string;
  /** Further arguments of a local MariaDB. Default: none. */
  readonly args?: readonly string[];
  /** Where addresses and programs are looked up. Default: this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The environment variable that names a server which is there already. */
export const variables: Readonly<Record<ServerKind, string>> = {
  mariadb: 'TERCET_TEST_MYSQL_URL',
  postgres: 'TERCET_TEST_POSTGRES_URL',
  redis: 'TERCET_TEST_REDIS_URL',
  'redis-cluster': 'TERCET_TEST_REDIS_CLUSTER_URL',
};

/** Every kind. */
export const serverKinds = Object.keys(variables) as readonly ServerKind[];
