import path from 'node:path';
import { Redis } from 'ioredis';
import { binary } from './binaries';
import { dataFolder, freePort, LocalProcess, removeFolder, withFreePort } from './local-process';
import type { RunningServer, ServerOptions } from './server-kind';

interface Node {
  readonly port: number;
  readonly busPort: number;
  readonly stop: () => Promise<void>;
}

/** A Redis of this machine's own program, on loopback only, with as many databases as test files may want. */
export async function startLocalRedis(options: ServerOptions): Promise<RunningServer> {
  const node = await startNode(options, () => ['--databases', '1024']);
  return { url: `redis://127.0.0.1:${node.port}`, stop: node.stop };
}

/** Three masters on loopback, each with a third of the slots. */
export async function startLocalRedisCluster(options: ServerOptions): Promise<RunningServer> {
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let count = 0; count < 3; count += 1) {
      nodes.push(
        await startNode(options, (busPort) => [
          ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
          ...['--cluster-port', `${busPort}`, '--cluster-node-timeout', '5000'],
        ]),
      );
    }
    await join(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${nodes[0]?.port}`, stop };
}

async function startNode(
  options: ServerOptions,
  more: (busPort: number) => string[],
): Promise<Node> {
  const folder = dataFolder('redis', options);
  const { server, port, busPort } = await withFreePort(async (free) => {
    const bus = await freePort();
    const started = new LocalProcess({
      command: binary('redis-server'),
      args: [
        ...['--port', `${free}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
        ...durability(options),
        ...more(bus),
      ],
      endSignal: 'KILL',
      logFile: path.join(folder, 'log'),
    });
    await started.answers(() => command(free, ['PING']));
    return { server: started, port: free, busPort: bus };
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    removeFolder(folder);
  };
  return { port, busPort, stop };
}

function durability(options: ServerOptions): string[] {
  return options.durable === true
    ? ['--appendonly', 'yes', '--appendfsync', 'always']
    : ['--appendonly', 'no'];
}

const slots = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const;

async function join(nodes: readonly Node[]): Promise<void> {
  for (const [index, { port }] of nodes.entries()) {
    // Nodes of one epoch would first have to agree who owns what.
    await command(port, ['CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`]);
    await command(port, ['CLUSTER', 'ADDSLOTSRANGE', ...(slots[index] ?? [])]);
  }
  const [first, ...others] = nodes;
  for (const { port, busPort } of others) {
    await command(first?.port, ['CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${busPort}`]);
  }
  const last = Date.now() + 30_000;
  for (const { port } of nodes) {
    while (!(await knowsAll(port))) {
      if (Date.now() > last)
        throw new Error('the nodes of the Redis Cluster do not find each other');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function knowsAll(port: number): Promise<boolean> {
  const info = String(await command(port, ['CLUSTER', 'INFO']));
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
}

async function command(port: number | undefined, words: readonly string[]): Promise<unknown> {
  const client = new Redis({
    host: '127.0.0.1',
    port: port ?? 0,
    lazyConnect: true,
    retryStrategy: () => null,
    // The client's own timer would keep the process for 2 s.
    disconnectTimeout: 50,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const [name = '', ...args] = words;
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
