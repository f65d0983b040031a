/**
 * What stands between clients and several coordinators: one that deals out connections (TCP), and one that deals out calls
 * (HTTP/2, so every unary call and every stream goes to the next one). Both go round robin and know nothing of gRPC.
 */
import {
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
} from 'node:http2';
import { type Server, type Socket, connect, createServer } from 'node:net';

/** `host:port` of each coordinator, in turn. */
class Turns {
  private next = 0;

  constructor(readonly addresses: readonly string[]) {}

  take(): string {
    return this.addresses[this.next++ % this.addresses.length] ?? '';
  }
}

async function listening(server: Pick<Server, 'listen' | 'address'>, at: Listen): Promise<string> {
  const { host, port } = at;
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return `${host}:${bound.port}`;
}

/** Where a balancer listens; port 0 takes a free one. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

const anywhere: Listen = { host: '127.0.0.1', port: 0 };

/** Each connection goes to the next coordinator that takes one. */
export class ConnectionBalancer {
  /** Where it listens; known after `open`. */
  address = '';
  /** How many connections each coordinator got. */
  readonly taken = new Map<string, number>();
  private readonly turns: Turns;
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((near) => void this.serve(near));

  constructor(addresses: readonly string[]) {
    this.turns = new Turns(addresses);
  }

  async open(at: Listen = anywhere): Promise<this> {
    this.address = await listening(this.server, at);
    return this;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async serve(near: Socket): Promise<void> {
    this.keep(near);
    for (const _ of this.turns.addresses) {
      const address = this.turns.take();
      const far = await connected(address);
      if (far === undefined) continue;
      this.taken.set(address, (this.taken.get(address) ?? 0) + 1);
      this.keep(far);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.setNoDelay(true);
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
      return;
    }
    near.destroy();
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}

function connected(address: string): Promise<Socket | undefined> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Headers of a connection, or made afresh by whoever sends. */
const ofConnection = new Set([':scheme', ':authority', 'connection', 'host', 'date']);
const UNAVAILABLE = '14';
const UNIMPLEMENTED = '12';

/** Each call goes to the next coordinator. */
export class CallBalancer {
  /** Where it listens; known after `open`. */
  address = '';
  /** `path` of each call and the coordinator that it went to, in order. */
  readonly calls: { readonly path: string; readonly address: string }[] = [];
  private readonly turns: Turns;
  private readonly sessions = new Map<string, ClientHttp2Session>();
  private readonly accepted = new Set<{ destroy(): void }>();
  private readonly server = createHttp2Server();

  /** `unknownTo`: calls of this path are unknown to these coordinators, as if they were older. */
  constructor(
    addresses: readonly string[],
    private readonly unknown: { readonly path: string; readonly to: readonly string[] } = {
      path: '',
      to: [],
    },
  ) {
    this.turns = new Turns(addresses);
    this.server.on('session', (session) => {
      this.accepted.add(session);
      session.on('error', () => undefined);
      session.on('close', () => this.accepted.delete(session));
    });
    this.server.on('stream', (stream, headers) => this.serve(stream, headers));
  }

  async open(at: Listen = anywhere): Promise<this> {
    this.address = await listening(this.server, at);
    return this;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const session of [...this.accepted, ...this.sessions.values()]) session.destroy();
    await closed;
  }

  private serve(near: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const address = this.turns.take();
    const path = headers[':path'] ?? '';
    near.on('error', () => undefined);
    if (path === this.unknown.path && this.unknown.to.includes(address)) {
      return refuse(near, UNIMPLEMENTED, `${path} is not known here`);
    }
    this.calls.push({ path, address });
    const far = this.sessionTo(address).request(forwarded(headers), { endStream: false });
    const trailers: { value: IncomingHttpHeaders } = { value: {} };
    far.on('response', (answer, flags) => {
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      if (near.destroyed) return;
      near.respond(forwarded(answer), endStream ? { endStream } : { waitForTrailers: true });
    });
    far.on('trailers', (value: IncomingHttpHeaders) => (trailers.value = value));
    near.on('wantTrailers', () => near.sendTrailers(forwarded(trailers.value)));
    far.on('error', () => {
      if (near.headersSent) near.close(constants.NGHTTP2_INTERNAL_ERROR);
      else refuse(near, UNAVAILABLE, `${address} is away`);
    });
    near.on('close', () => far.close(constants.NGHTTP2_CANCEL));
    near.pipe(far);
    far.pipe(near);
  }

  private sessionTo(address: string): ClientHttp2Session {
    const known = this.sessions.get(address);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connectHttp2(`http://${address}`);
    session.on('error', () => undefined);
    this.sessions.set(address, session);
    return session;
  }
}

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {};
  for (const name of Object.keys(headers)) {
    if (!ofConnection.has(name)) kept[name] = headers[name];
  }
  return kept;
}

function refuse(stream: ServerHttp2Stream, status: string, message: string): void {
  if (stream.destroyed || stream.headersSent) return;
  const headers = { 'content-type': 'application/grpc', 'grpc-status': status };
  stream.respond({ ':status': 200, ...headers, 'grpc-message': message }, { endStream: true });
}
