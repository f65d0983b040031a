/**
 * A way to a gRPC server that breaks at a chosen place of a chosen message. It knows HTTP/2's frames, and nothing of
 * what is in them: a message is a DATA frame that is not empty.
 */
import { type Socket, connect, createServer } from 'node:net';
import { afterTest } from './clean-up';

/** `up`: to the server. */
export type Direction = 'up' | 'down';

/** How a connection ends: in the middle of everything, or as by a proxy that closes it. */
export type Break = 'reset' | 'closed';

/**
 * What part of a message passes before its connection ends; undefined: the message passes, the connection stays. A
 * promise: it is on its way until then, and everything behind it waits.
 */
export type Fate = (direction: Direction) => number | undefined | Promise<undefined>;

/** How a path differs. */
export interface BreakingOptions {
  /** Default: reset. */
  readonly how?: Break;
  /** Pieces of so many bytes, each in a turn of its own. Default: what comes at once goes on at once. */
  readonly pieceBytes?: number;
}

/** Bytes that the client sends before its first frame. */
const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const DATA = 0;

/** The frames of one direction of one connection. */
class Frames {
  private rest = Buffer.alloc(0);
  private first: number;

  constructor(direction: Direction) {
    this.first = direction === 'up' ? PREFACE_BYTES : 0;
  }

  /** The frames that these bytes complete. */
  take(bytes: Buffer): Buffer[] {
    this.rest = Buffer.concat([this.rest, bytes]);
    const whole: Buffer[] = [];
    for (let size = this.nextSize(); size <= this.rest.length; size = this.nextSize()) {
      whole.push(this.rest.subarray(0, size));
      this.rest = this.rest.subarray(size);
      this.first = 0;
    }
    return whole;
  }

  private nextSize(): number {
    if (this.first > 0) return this.first;
    if (this.rest.length < HEADER_BYTES) return Number.POSITIVE_INFINITY;
    return HEADER_BYTES + this.rest.readUIntBE(0, 3);
  }
}

const isMessage = (frame: Buffer): boolean => frame[3] === DATA && frame.length > HEADER_BYTES;

/** A forwarder of frames. */
export class BreakingPath {
  /** How many connections ended because a test said so. */
  breaks = 0;
  /** What becomes of each message. */
  fate: Fate = () => undefined;
  private readonly pairs = new Set<readonly Socket[]>();
  private readonly listeners: { readonly direction: Direction; readonly tell: () => void }[] = [];
  private port = 0;
  private readonly forwarder = createServer((near) => {
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far];
    this.pairs.add(pair);
    for (const [from, to, direction] of [
      [near, far, 'up'],
      [far, near, 'down'],
    ] as const) {
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.pairs.delete(pair);
        to.destroy();
      });
      this.forward({ from, to, direction, pair });
    }
  });

  constructor(
    private readonly target: number,
    private readonly options: BreakingOptions,
  ) {}

  /** Where it listens. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends the connection of the next message in this direction, when this part of it has passed. */
  breakAt(direction: Direction, part: number): void {
    this.once(direction, () => part);
  }

  /** The next message in this direction is on its way until `end`. */
  delay(direction: Direction, end: Promise<unknown>): void {
    this.once(direction, () => end.then(() => undefined));
  }

  /** Ends every connection; those that come later are forwarded. */
  breakNow(): void {
    for (const pair of [...this.pairs]) this.end(pair);
  }

  /** Resolves when the next message in this direction has come. */
  next(direction: Direction): Promise<void> {
    return new Promise((tell) => this.listeners.push({ direction, tell }));
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.forwarder.listen(0, '127.0.0.1', resolve));
    const bound = this.forwarder.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    this.port = bound.port;
    return this;
  }

  async close(): Promise<void> {
    this.breakNow();
    await new Promise((resolve) => this.forwarder.close(resolve));
  }

  private once(direction: Direction, fate: Fate): void {
    this.fate = (of) => {
      if (of !== direction) return undefined;
      this.fate = () => undefined;
      return fate(of);
    };
  }

  private forward(lane: {
    readonly from: Socket;
    readonly to: Socket;
    readonly direction: Direction;
    readonly pair: readonly Socket[];
  }): void {
    const { from, to, direction, pair } = lane;
    const frames = new Frames(direction);
    let written = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      for (const frame of frames.take(bytes)) written = written.then(() => pass(frame));
    });
    from.on('end', () => {
      written = written.then(() => void to.end());
    });
    const pass = async (frame: Buffer): Promise<void> => {
      const fate = isMessage(frame) ? this.fate(direction) : undefined;
      if (isMessage(frame)) this.tell(direction);
      const part = await fate;
      if (part === undefined) return await this.write(to, frame);
      await this.write(to, frame.subarray(0, Math.floor(frame.length * part)));
      this.end(pair);
    };
  }

  private async write(to: Socket, bytes: Buffer): Promise<void> {
    const { pieceBytes = bytes.length } = this.options;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (to.destroyed) return;
      // The callback comes when the bytes have left, with an error where the socket is gone.
      const piece = bytes.subarray(at, at + pieceBytes);
      await new Promise<void>((resolve) => to.write(piece, () => resolve()));
    }
  }

  private tell(direction: Direction): void {
    const told = this.listeners.filter((listener) => listener.direction === direction);
    for (const listener of told) {
      this.listeners.splice(this.listeners.indexOf(listener), 1);
      listener.tell();
    }
  }

  private end(pair: readonly Socket[]): void {
    if (!this.pairs.delete(pair)) return;
    this.breaks += 1;
    for (const socket of pair) {
      if (this.options.how === 'closed') socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}

/** A path to `address`; closed after the test. */
export async function aBreakingPath(
  address: string,
  options: BreakingOptions = {},
): Promise<BreakingPath> {
  const path = await new BreakingPath(Number(address.split(':').at(-1)), options).open();
  afterTest(() => path.close());
  return path;
}
