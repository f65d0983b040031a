/**
 * A way to a database server that can stand still: whatever is on it stays on it, in its order, until it is released, also
 * where the process that sent it is gone by then. Nobody at either end notices anything but silence.
 */
import { type Socket, connect, createServer } from 'node:net';

/** `up`: to the database. */
export type Direction = 'up' | 'down';

/** A trigger that holds everything from a certain message on. */
interface Watch {
  readonly direction: Direction;
  readonly text: string;
  readonly seen: () => void;
}

/** Something that goes on when it may: bytes, or the end of a connection. */
interface Step {
  readonly bytes?: Buffer;
  readonly act: () => void;
}

/** One direction of one connection. */
class Lane {
  private readonly kept: Step[] = [];

  /** Does it now, or when the lane is released. */
  pass(step: Step, held: boolean): void {
    if (held || this.kept.length > 0) this.kept.push(step);
    else step.act();
  }

  holds(text: string): boolean {
    return this.kept.some(({ bytes }) => bytes?.includes(text) === true);
  }

  release(): void {
    for (const { act } of this.kept.splice(0)) act();
  }
}

/** A forwarder of bytes. */
export class StorePath {
  private readonly target: { readonly host: string; readonly port: number };
  private readonly held = new Set<Direction>();
  private readonly lanes = new Map<Direction, Set<Lane>>([
    ['up', new Set()],
    ['down', new Set()],
  ]);
  private readonly sockets = new Set<Socket>();
  private watch: Watch | undefined;
  private port = 0;
  private readonly forwarder = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...this.target, allowHalfOpen: true });
    this.forward(near, far, 'up');
    this.forward(far, near, 'down');
  });

  /** `url`: of the database. */
  constructor(private readonly to: string) {
    const { hostname, port } = new URL(to);
    this.target = { host: hostname, port: Number(port) };
  }

  /** Of the same database, by this way. */
  get url(): string {
    const url = new URL(this.to);
    url.hostname = '127.0.0.1';
    url.port = `${this.port}`;
    return url.toString();
  }

  /** Everything stands still from now on, new connections included. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.held.add(direction);
  }

  /** Everything in this direction stands still from the next message on that contains `text`; resolves when it has come. */
  holdAt(direction: Direction, text: string): Promise<void> {
    return new Promise((seen) => {
      this.watch = { direction, text, seen };
    });
  }

  /** Whether a message with this text stands still on it. */
  holds(text: string): boolean {
    return [...this.lanes.values()].some((lanes) => [...lanes].some((lane) => lane.holds(text)));
  }

  /** What is on its way goes on, and all that follows. */
  release(): void {
    this.held.clear();
    for (const lanes of this.lanes.values()) for (const lane of lanes) lane.release();
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.forwarder.listen(0, '127.0.0.1', resolve));
    const bound = this.forwarder.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    this.port = bound.port;
    return this;
  }

  /** What is held by then is lost. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.forwarder.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private forward(from: Socket, to: Socket, direction: Direction): void {
    const lane = new Lane();
    this.lanes.get(direction)?.add(lane);
    this.sockets.add(from);
    from.setNoDelay(true);
    const pass = (act: () => void, bytes?: Buffer): void =>
      lane.pass({ act, ...(bytes && { bytes }) }, this.held.has(direction));
    from.on('data', (bytes: Buffer) => {
      this.look(direction, bytes);
      pass(() => void (to.destroyed || to.write(bytes)), bytes);
    });
    from.on('end', () => pass(() => void to.end()));
    from.on('error', () => pass(() => void to.destroy()));
    from.on('close', () => {
      this.sockets.delete(from);
      pass(() => {
        to.destroy();
        this.lanes.get(direction)?.delete(lane);
      });
    });
  }

  private look(direction: Direction, bytes: Buffer): void {
    const { watch } = this;
    if (watch?.direction !== direction || !bytes.includes(watch.text)) return;
    this.watch = undefined;
    this.held.add(direction);
    watch.seen();
  }
}
