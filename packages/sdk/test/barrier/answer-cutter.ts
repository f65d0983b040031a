/** A way to a server on which a chosen request arrives, and its answer does not. */
import { connect, createServer, type Socket } from 'node:net';

/** Forwards bytes; cuts a connection behind the request that holds `bytes`. */
export class AnswerCutter {
  private readonly sockets = new Set<Socket>();
  private cutting: Buffer | undefined;
  private readonly forwarder = createServer((near) => this.forward(near));

  constructor(private readonly target: URL) {}

  /** The same database by this way. */
  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.forwarder.listen(0, '127.0.0.1', resolve));
    const bound = this.forwarder.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(bound.port);
    return url.toString();
  }

  /** The answer of the next request with `text` is lost, and the connection with it. */
  cutBehind(text: string): void {
    this.cutting = Buffer.from(text);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.forwarder.close(resolve));
  }

  private forward(near: Socket): void {
    const far = connect(Number(this.target.port), this.target.hostname);
    let isCut = false;
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (request) => {
      far.write(request);
      if (this.cutting === undefined || !request.includes(this.cutting)) return;
      this.cutting = undefined;
      isCut = true;
    });
    far.on('data', (answer) => {
      // The server has done it by now.
      if (isCut) near.resetAndDestroy();
      else near.write(answer);
    });
  }
}
