import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Head of a message, version of the protocol. */
const BEFORE_VERSION = 5;

/** Stands before a MySQL or MariaDB as a proxy that shares connections does: it greets with a number of its own. */
export class GreetingProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((client) => this.join(client));

  private constructor(private readonly target: URL) {}

  static async before(url: string): Promise<GreetingProxy> {
    const proxy = new GreetingProxy(new URL(url));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The server's address by this way. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.toString();
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    server.once('data', (greeting: Buffer) => {
      client.write(renumbered(greeting));
      server.pipe(client).pipe(server);
    });
  }
}

/** The number stands behind the server's version, which a zero ends. */
function renumbered(greeting: Buffer): Buffer {
  const at = greeting.indexOf(0, BEFORE_VERSION) + 1;
  const changed = Buffer.from(greeting);
  changed.writeUInt32LE(greeting.readUInt32LE(at) + 1_000, at);
  return changed;
}
