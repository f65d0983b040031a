import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { TercetError } from '@tercet/core';

/** What the HTTP listener shows. */
export interface HttpServerDeps {
  /** Whether calls are served now, and why not. */
  readonly readiness: () => { readonly ready: boolean; readonly reason: string };
}

/**
 * The HTTP listener: `/healthz` (the process lives) and `/readyz` (it serves calls), for load balancers and
 * orchestrators that do not speak gRPC.
 */
export class HttpServer {
  private readonly server: Server;

  constructor(private readonly deps: HttpServerDeps) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  /** Binds and listens; resolves with the port. Rejects with ADDRESS_IN_USE or CONFIG_INVALID naming the address. */
  async listen(address: string): Promise<number> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'CONFIG_INVALID';
        const why = code === 'ADDRESS_IN_USE' ? 'the address is in use' : error.message;
        const message = `cannot listen on ${address}: ${why}`;
        reject(new TercetError(code, { message, details: { address }, cause: error }));
      });
      this.server.listen(Number(address.slice(colon + 1)), host, resolve);
    });
    const bound = this.server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : 0;
  }

  /** Ends everything at once. Repeating is safe. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/healthz') return send(response, 200, { status: 'alive' });
    if (path !== '/readyz')
      return send(response, 404, { error: 'not found: try /healthz or /readyz' });
    const { ready, reason } = this.deps.readiness();
    send(
      response,
      ready ? 200 : 503,
      ready ? { status: 'ready' } : { status: 'not ready', reason },
    );
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
