/** Stands before a PostgreSQL that speaks no TLS, and speaks it. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Of localhost and 127.0.0.1, signed by itself, until 2120. It guards nothing. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBZzCCAQ2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMIqZDSAWLanDr2o
j9u8ak1Dmnpms+a6YzFfgoMB9t2Urg6Ou8ljx/x0Il65kL/PzZ6GpxB9mbN1ORB/
FxLe/MejTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBTkRknsI0PYURmMdK8zsZx2sSp63zAKBggqhkjOPQQD
AgNIADBFAiEAqNldXxAoGKumspnHLgsUbzU83fvNHyBN+cjtmq7/tLECIH9V52QK
YIEsckDMa+MARe302b7LeV6/YqWaWkBRB9Ix
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMXmDI7MsoC19Y8NM
gptK7dDItKinp/AaAjTTKYWQSJShRANCAATCKmQ0gFi2pw69qI/bvGpNQ5p6ZrPm
umMxX4KDAfbdlK4OjrvJY8f8dCJeuZC/z82ehqcQfZmzdTkQfxcS3vzH
-----END PRIVATE KEY-----
`;

/** The front. */
export class TlsFront {
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((client) => this.join(client));

  private constructor(private readonly target: URL) {}

  static async before(url: string): Promise<TlsFront> {
    const front = new TlsFront(new URL(url));
    await new Promise<void>((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  /** The server's address by this way. */
  url(host: string, options: Readonly<Record<string, string>>): string {
    const url = new URL(this.target);
    url.host = `${host}:${(this.server.address() as AddressInfo).port}`;
    for (const [name, value] of Object.entries(options)) url.searchParams.set(name, value);
    return url.toString();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A client asks for TLS with a message of its own, and waits for one letter. */
  private join(client: Socket): void {
    this.keep(client);
    client.once('data', () => {
      client.write('S');
      const inside = new TLSSocket(client, { isServer: true, cert: certificate, key });
      const server = connect(Number(this.target.port), this.target.hostname);
      this.keep(server);
      inside.on('error', () => server.destroy());
      inside.pipe(server).pipe(inside);
      client.on('close', () => server.destroy());
    });
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
