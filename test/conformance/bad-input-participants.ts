/** Participants that a careless or broken server would be. All of them listen on loopback. */
import { once } from 'node:events';
import { type Http2Server, type ServerHttp2Stream, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, type Server as NetServer, type Socket, createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';

/** A server that somebody else runs. */
export interface Participant {
  readonly target: string;
  readonly port: number;
  /** How many calls of its methods, or connections, it has met. */
  met(): number;
  close(): Promise<void>;
}

/** Answers every call with OK and an empty message: a healthy participant, on a free port or on a given one. */
export function healthy(port = 0): Promise<Participant> {
  return http2Participant((stream) => answer(stream, { 'grpc-status': '0' }, emptyMessage), port);
}

/** Speaks no HTTP/2 at all. */
export function garbage(): Promise<Participant> {
  return tcpParticipant((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'));
}

/** Takes the connection and then says nothing, ever. */
export function silent(): Promise<Participant> {
  return tcpParticipant(() => undefined);
}

/** Resets each connection as soon as something is said. */
export function resetting(): Promise<Participant> {
  return tcpParticipant((socket) => void socket.once('data', () => socket.resetAndDestroy()));
}

/** Speaks gRPC and never answers. */
export function hanging(): Promise<Participant> {
  return http2Participant(() => undefined);
}

/** Ends the stream with RST_STREAM. */
export function streamReset(): Promise<Participant> {
  return http2Participant((stream) => stream.close(2));
}

/** Answers OK with a body that is no gRPC message: a length that is never filled. */
export function truncated(): Promise<Participant> {
  const half = Buffer.from([0, 0, 0, 1, 0, 7]);
  return http2Participant((stream) => answer(stream, { 'grpc-status': '0' }, half));
}

/** Answers a page, as a proxy does. */
export function webPage(): Promise<Participant> {
  return http2Participant((stream) => {
    stream.respond({ ':status': 404, 'content-type': 'text/html' });
    stream.end('<html>not found</html>');
  });
}

/** Answers with a status that gRPC does not have, and a text that is not encoded as it should be. */
export function oddStatus(code: string): () => Promise<Participant> {
  const trailers = { 'grpc-status': code, 'grpc-message': '%ZZ' };
  return () => http2Participant((stream) => answer(stream, trailers, emptyMessage));
}

/** Answers OK without any message. */
export function nothing(): Promise<Participant> {
  return http2Participant((stream) => answer(stream, { 'grpc-status': '0' }, Buffer.alloc(0)));
}

/** A gRPC server without the method. */
export async function unimplemented(): Promise<Participant> {
  const server = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    target: `127.0.0.1:${port}`,
    port,
    met: () => 1,
    close: async () => server.forceShutdown(),
  };
}

const emptyMessage = Buffer.alloc(5);

function answer(stream: ServerHttp2Stream, trailers: Record<string, string>, body: Buffer): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

async function tcpParticipant(meet: (socket: Socket) => void): Promise<Participant> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.on('error', () => undefined);
    meet(socket);
  });
  return await listening(server, { met: () => count, port: 0 });
}

async function http2Participant(
  serve: (stream: ServerHttp2Stream) => void,
  port = 0,
): Promise<Participant> {
  const server = createHttp2();
  let count = 0;
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    // Whoever calls asks first whether there is a stream for its calls.
    if (headers[':path'] !== '/tercet.v1.Participant/Deliver') count++;
    stream.on('error', () => undefined);
    stream.resume();
    serve(stream);
  });
  return await listening(server, { met: () => count, port });
}

async function listening(
  server: NetServer | Http2Server,
  { met, port }: { readonly met: () => number; readonly port: number },
): Promise<Participant> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => void sockets.add(socket));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    target: `127.0.0.1:${bound}`,
    port: bound,
    met,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
