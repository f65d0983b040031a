import { createServer, type Server } from 'node:net';
import { randomInt } from 'node:crypto';

/** Where a node of a Galera cluster listens. */
export interface NodePorts {
  /** For clients. */
  readonly sql: number;
  /** For the other nodes. */
  readonly group: number;
  /** For a snapshot of all data. */
  readonly snapshot: number;
  /** For the changes that it has missed. */
  readonly changes: number;
}

/**
 * A node listens on them again after it was killed, on some of them only then. So they lie below those that the system gives
 * to connections (from 32768 on).
 */
const lowest = 20_000;
const highest = 32_000;

/** Ports that nobody listens on now, for so many nodes. */
export async function freePorts(nodes: number): Promise<readonly NodePorts[]> {
  const held: Server[] = [];
  try {
    const ports: NodePorts[] = [];
    while (ports.length < nodes) {
      ports.push({
        sql: await hold(held),
        group: await hold(held),
        snapshot: await hold(held),
        changes: await hold(held),
      });
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Listens on one, so that it is not found twice. */
async function hold(held: Server[]): Promise<number> {
  for (;;) {
    const [server, port] = [createServer(), randomInt(lowest, highest)];
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    held.push(server);
    return port;
  }
}
