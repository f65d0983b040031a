/** A way to a server that a test can cut, as a broken cable or a dying proxy does: whatever is on it is lost. */
import { type Socket, connect, createServer } from 'node:net';
import { afterTest } from './clean-up';

/** A forwarder of bytes. */
export class CutPath {
  private readonly sockets = new Set<Socket>();
  private readonly target: number;
  private port = 0;
  private readonly forwarder = createServer((near) => {
    const far = connect(this.target, '127.0.0.1');
    this.forward(near, far);
    this.forward(far, near);
  });

  constructor(to: string) {
    this.target = Number(to.split(':').at(-1));
  }

  /** Where it listens. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resets every connection; those that come later are forwarded. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.sockets.clear();
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.forwarder.listen(0, '127.0.0.1', resolve));
    const bound = this.forwarder.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    this.port = bound.port;
    return this;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.forwarder.close(resolve));
  }

  private forward(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}

/** A path to `address`; closed after the test. */
export async function aPath(address: string): Promise<CutPath> {
  const path = await new CutPath(address).open();
  afterTest(() => path.close());
  return path;
}
