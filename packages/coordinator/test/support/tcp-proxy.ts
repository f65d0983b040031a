import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** What becomes of what comes through. */
export type ProxyMode =
  /** It passes. */
  | 'open'
  /** Requests pass; with the next answer the connection ends, and the answer is lost. */
  | 'lose-answers'
  /** Requests pass, answers wait for ever. */
  | 'hold-answers'
  /** Nobody is let in, who was in is out. */
  | 'down';

/** Stands between a store and its server, so that a test can cut the way. */
export class TcpProxy {
  private current: ProxyMode = 'open';
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  /** @param target URL of the server. */
  constructor(private target: string) {}

  /** Starts to listen; resolves with the server's URL as seen through here. */
  async listen(): Promise<string> {
    const server = createServer((client) => this.join(client));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String((server.address() as AddressInfo).port);
    return url.toString();
  }

  /** From now on connections lead to another server; those that are there stay. */
  switchTo(target: string): void {
    this.target = target;
  }

  /** From now on. */
  set mode(mode: ProxyMode) {
    this.current = mode;
    if (mode === 'down') for (const socket of this.sockets) socket.destroy();
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    this.mode = 'down';
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private join(client: Socket): void {
    if (this.current === 'down') return void client.destroy();
    const { hostname, port } = new URL(this.target);
    const server = connect(Number(port), hostname);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => {
      if (this.current === 'open') client.write(data);
      if (this.current === 'lose-answers') client.destroy();
    });
  }
}
