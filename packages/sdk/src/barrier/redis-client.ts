/**
 * What the barrier needs of the user's client: the part of ioredis that its `Redis` and `Cluster` have in common. The
 * driver itself is never loaded by the SDK.
 */

/** What a command can be given. */
export type RedisArgument = string | number | Buffer;

/** An ioredis `Redis`. */
export interface RedisConnection {
  /** `end`: it was closed, and every command fails. */
  readonly status: string;
  /** true: it is a `Cluster`. */
  readonly isCluster: boolean;
  readonly options: {
    /** The client puts it before every key. */
    readonly keyPrefix?: string | undefined;
  };
  /** Sends any command; texts in the answer are Buffers. */
  callBuffer(command: string, args: RedisArgument[]): Promise<unknown>;
  /** `close`: a connection was lost, or closed. */
  on(event: 'close', listener: () => void): unknown;
}

/** An ioredis `Cluster`. */
export interface RedisClusterConnection extends RedisConnection {
  /** The connections to its nodes that are known by now. */
  nodes(role: 'master' | 'all'): RedisConnection[];
  /** `+node`: a node became known. */
  on(event: 'close', listener: () => void): unknown;
  on(event: '+node', listener: (node: RedisConnection) => void): unknown;
}

/** A client of one server (`new Redis(…)`), or of a Redis Cluster (`new Cluster(…)`). */
export type RedisClient = RedisConnection | RedisClusterConnection;

/**
 * Counts lost connections of a client. ioredis sends an unanswered command again on the next connection, so an error that
 * says "not begun" speaks for all of its sendings only while nothing was lost.
 */
export class LostConnections {
  /** Several barriers may share a client; it gets one listener. */
  private static readonly ofClients = new WeakMap<RedisClient, LostConnections>();
  private lost = 0;

  private constructor(client: RedisClient) {
    const watch = (connection: RedisConnection): void => {
      connection.on('close', () => {
        this.lost += 1;
      });
    };
    if (!isClusterClient(client)) {
      watch(client);
      return;
    }
    for (const node of client.nodes('all')) watch(node);
    client.on('+node', watch);
  }

  /** The count of a client. */
  static of(client: RedisClient): LostConnections {
    const known = LostConnections.ofClients.get(client) ?? new LostConnections(client);
    LostConnections.ofClients.set(client, known);
    return known;
  }

  /** How many there have been. */
  get count(): number {
    return this.lost;
  }
}

/** Whether the client follows the slots of a Redis Cluster. */
export function isClusterClient(client: RedisClient): client is RedisClusterConnection {
  return client.isCluster;
}
