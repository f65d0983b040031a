/** Servers in containers, where a runtime answers. Loading the library costs a third of a second: hints come first. */
import { existsSync } from 'node:fs';
import type { RunningServer, ServerKind } from './server-kind';

interface Image {
  readonly name: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly ready: RegExp;
  /** How often that line comes: official images start their server twice. */
  readonly times: number;
  readonly url: (host: string, port: number) => string;
}

const images: Readonly<Partial<Record<ServerKind, Image>>> = {
  mariadb: {
    name: 'mariadb:10.11',
    port: 3306,
    environment: { MARIADB_ALLOW_EMPTY_ROOT_PASSWORD: '1' },
    ready: /ready for connections/,
    times: 2,
    url: (host, port) => `mysql://root@${host}:${port}/`,
  },
  postgres: {
    name: 'postgres:15',
    port: 5432,
    environment: { POSTGRES_HOST_AUTH_METHOD: 'trust' },
    ready: /ready to accept connections/,
    times: 2,
    url: (host, port) => `postgres://postgres@${host}:${port}/postgres`,
  },
  redis: {
    name: 'redis:7',
    port: 6379,
    environment: {},
    ready: /Ready to accept connections/,
    times: 1,
    url: (host, port) => `redis://${host}:${port}`,
  },
};

/** Why no container can be had for this kind. undefined = one can. */
export async function noContainer(
  kind: ServerKind,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  // Nodes of a cluster tell clients their own addresses, which nobody outside of the container reaches.
  if (images[kind] === undefined) return 'not made in containers';
  const hinted = env['DOCKER_HOST'] !== undefined || existsSync('/var/run/docker.sock');
  if (!hinted) return 'no container runtime: neither DOCKER_HOST nor /var/run/docker.sock';
  try {
    const { getContainerRuntimeClient } = await import('testcontainers');
    await getContainerRuntimeClient();
    return undefined;
  } catch (error) {
    return `no container runtime: ${String(error)}`;
  }
}

/** Starts one. Its library removes it when this process is gone, however that comes about. */
export async function startContainer(kind: ServerKind): Promise<RunningServer> {
  const image = images[kind];
  if (image === undefined) throw new Error(`no image for ${kind}`);
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image.name)
    .withExposedPorts(image.port)
    .withEnvironment({ ...image.environment })
    .withWaitStrategy(Wait.forLogMessage(image.ready, image.times))
    .start();
  return {
    url: image.url(container.getHost(), container.getMappedPort(image.port)),
    stop: async () => {
      await container.stop();
    },
  };
}
