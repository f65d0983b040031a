/** A connection to a server that a test can break, as a cut cable or a dying proxy does. */
import { type Socket, connect, createServer } from 'node:net';
import { UnaryChannel } from '@tercet/runtime';

/** A channel through a forwarder of bytes. */
export interface BreakablePath {
  readonly channel: UnaryChannel;
  /** Resets every connection; calls under way are lost at both ends. */
  breakNow(): void;
  close(): Promise<void>;
}

/** Opens a path to `127.0.0.1:<port>`. */
export async function openPath(address: string): Promise<BreakablePath> {
  const sockets = new Set<Socket>();
  const port = Number(address.split(':').at(-1));
  const forwarder = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => forwarder.listen(0, '127.0.0.1', resolve));
  const bound = forwarder.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  const channel = new UnaryChannel(`127.0.0.1:${bound.port}`);
  const breakNow = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  return {
    channel,
    breakNow,
    close: async () => {
      channel.close();
      breakNow();
      await new Promise((resolve) => forwarder.close(resolve));
    },
  };
}
