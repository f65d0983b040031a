/**
 * Real servers for tests and benchmarks: the one an environment variable names, else a container, else a program of this
 * machine. Test files do not start them by themselves, they say `describeWith`.
 */
import { missingBinaries } from './binaries';
import { noContainer, startContainer } from './containers';
import { startLocalMariadb } from './local-mariadb';
import { startLocalPostgres } from './local-postgres';
import { startLocalRedis, startLocalRedisCluster } from './local-redis';
import {
  type MissingServer,
  type RunningServer,
  type ServerKind,
  type ServerOptions,
  variables,
} from './server-kind';

const local: Readonly<Record<ServerKind, (options: ServerOptions) => Promise<RunningServer>>> = {
  mariadb: startLocalMariadb,
  postgres: startLocalPostgres,
  redis: startLocalRedis,
  'redis-cluster': startLocalRedisCluster,
};

/** A MariaDB, or why there is none. */
export async function mariadb(options?: ServerOptions): Promise<RunningServer | MissingServer> {
  return startServer('mariadb', options);
}

/** A PostgreSQL, or why there is none. */
export async function postgres(options?: ServerOptions): Promise<RunningServer | MissingServer> {
  return startServer('postgres', options);
}

/** A Redis, or why there is none. */
export async function redis(options?: ServerOptions): Promise<RunningServer | MissingServer> {
  return startServer('redis', options);
}

/** A Redis Cluster of three masters, or why there is none. */
export async function redisCluster(
  options?: ServerOptions,
): Promise<RunningServer | MissingServer> {
  return startServer('redis-cluster', options);
}

/** A server of this kind, or why there is none. Who starts one stops it. */
export async function startServer(
  kind: ServerKind,
  options: ServerOptions = {},
): Promise<RunningServer | MissingServer> {
  const { env = process.env } = options;
  const url = env[variables[kind]];
  if (url !== undefined && url !== '') return { url, stop: async () => undefined };
  const reasons = [`${variables[kind]} is not set`];
  const unable = await noContainer(kind, env);
  if (unable === undefined) {
    try {
      return await startContainer(kind);
    } catch (error) {
      reasons.push(`the container did not start: ${String(error)}`);
    }
  } else {
    reasons.push(unable);
  }
  const absent = missingBinaries(kind, env);
  if (absent.length === 0) return local[kind](options);
  return { missing: [...reasons, `not installed: ${absent.join(', ')}`] };
}

/** Why no server of this kind can be had; empty where one can. Starts nothing. */
export async function whyMissing(
  kind: ServerKind,
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly string[]> {
  const url = env[variables[kind]];
  if (url !== undefined && url !== '') return [];
  const absent = missingBinaries(kind, env);
  if (absent.length === 0) return [];
  const unable = await noContainer(kind, env);
  if (unable === undefined) return [];
  return [`${variables[kind]} is not set`, unable, `not installed: ${absent.join(', ')}`];
}
