/**
 * Stands before a PostgreSQL as a proxy that pools transactions does: it has sessions of its own, and gives each transaction of a
 * connection one that is free; the one that was used last, first. It makes up the number of the session.
 */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** How sessions are given out. */
export type Pooling = 'transaction' | 'session';

interface Session {
  readonly socket: Socket;
  /** Answers whose end has not come. */
  pending: Buffer;
  listener: ((message: Buffer) => void) | undefined;
}

const KEY_DATA = 'K';
const READY = 'Z';
const IDLE = 'I'.charCodeAt(0);
const MADE_UP = 4_711;

/** The proxy. */
export class PoolingProxy {
  private readonly sockets = new Set<Socket>();
  private readonly free: Session[] = [];
  private readonly server = createServer((client) => void this.join(client));

  private constructor(
    private readonly target: URL,
    private readonly pooling: Pooling,
  ) {}

  static async before(url: string, pooling: Pooling): Promise<PoolingProxy> {
    const proxy = new PoolingProxy(new URL(url), pooling);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The server's address by this way. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.toString();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    this.keep(client);
    let session: Session | undefined;
    let welcome: Buffer | undefined;
    const use = (one: Session): Session => {
      session = one;
      one.listener = (message) => {
        client.write(announced(message));
        const isOver = String.fromCharCode(message[0] ?? 0) === READY && message[5] === IDLE;
        if (!isOver || this.pooling === 'session') return;
        one.listener = undefined;
        session = undefined;
        this.free.unshift(one);
      };
      return one;
    };
    client.on('data', (bytes) => {
      if (welcome === undefined) {
        welcome = bytes;
        use(this.dial()).socket.write(bytes);
        return;
      }
      if (session !== undefined) session.socket.write(bytes);
      else void this.given(welcome).then((one) => use(one).socket.write(bytes));
    });
    client.on('close', () => session?.socket.destroy());
  }

  /** A free session, or a new one. */
  private async given(welcome: Buffer): Promise<Session> {
    const free = this.free.shift();
    if (free !== undefined) return free;
    const session = this.dial();
    await new Promise<void>((resolve) => {
      session.listener = (message) => {
        if (String.fromCharCode(message[0] ?? 0) === READY) resolve();
      };
      session.socket.write(welcome);
    });
    return session;
  }

  private dial(): Session {
    const socket = connect(Number(this.target.port), this.target.hostname);
    this.keep(socket);
    const session: Session = { socket, pending: Buffer.alloc(0), listener: undefined };
    socket.on('data', (bytes) => {
      session.pending = Buffer.concat([session.pending, bytes]);
      for (;;) {
        if (session.pending.length < 5) return;
        const length = 1 + session.pending.readInt32BE(1);
        if (session.pending.length < length) return;
        const message = session.pending.subarray(0, length);
        session.pending = session.pending.subarray(length);
        session.listener?.(message);
      }
    });
    return session;
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}

/** What the client is told. */
function announced(message: Buffer): Buffer {
  if (String.fromCharCode(message[0] ?? 0) !== KEY_DATA) return message;
  const changed = Buffer.from(message);
  changed.writeInt32BE(MADE_UP, 5);
  return changed;
}
