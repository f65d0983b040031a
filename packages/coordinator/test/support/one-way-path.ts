/** A way to a server on which answers can be held back: what arrives there is done, and nobody hears of it. */
import { type Socket, connect, createServer } from 'node:net';

/** A forwarder of bytes. */
export class OneWayPath {
  /** While true nothing that the server says gets through. */
  isSilent = false;
  private readonly sockets = new Set<Socket>();
  private port = 0;
  private readonly forwarder = createServer((near) => {
    const far = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].forEach((end) => end.destroy()));
    }
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => this.isSilent || near.write(bytes));
  });

  private constructor(private readonly target: URL) {}

  static async to(url: string): Promise<OneWayPath> {
    const path = new OneWayPath(new URL(url));
    await new Promise<void>((resolve) => path.forwarder.listen(0, '127.0.0.1', resolve));
    const bound = path.forwarder.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    path.port = bound.port;
    return path;
  }

  /** The server's address by this way. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${this.port}`;
    return url.toString();
  }

  /** Ends every connection; those that come later are forwarded. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.forwarder.close(resolve));
  }
}
