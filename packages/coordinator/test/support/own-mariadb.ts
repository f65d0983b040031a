/**
 * `describeOwnMariadb(options, (server) => { … })`: tests on a MariaDB of their own, whose settings they may change; one that an
 * environment variable names is somebody's. Where none can be had they are skipped, and the reasons are printed; with
 * TERCET_REQUIRE_SERVERS=1 they fail instead.
 */
import { afterAll, beforeAll } from '@jest/globals';
import { missingBinaries } from '../../../../test/support/servers/binaries';
import { describeFate, fateOfMissing } from '../../../../test/support/servers/describe-with';
import { startLocalMariadb } from '../../../../test/support/servers/local-mariadb';
import type { RunningServer, ServerOptions } from '../../../../test/support/servers/server-kind';
import { Hands } from './mysql-world';

/** The first start makes a data directory. */
const startMsMax = 120_000;

/** A server, for the tests of one `describeOwnMariadb`. */
export class OwnMariadb {
  private server: RunningServer | undefined;
  private root: Hands | undefined;

  /** URL of the database `tercet`, empty before the first test. */
  get url(): string {
    return new URL('/tercet', this.running.url).toString();
  }

  /** A connection that may change settings. */
  get hands(): Hands {
    if (this.root === undefined) throw new Error('the server is not started yet');
    return this.root;
  }

  async start(options: ServerOptions): Promise<void> {
    this.server = await startLocalMariadb(options);
    this.root = await Hands.at(this.server.url);
    await this.root.run('CREATE DATABASE tercet');
  }

  async stop(): Promise<void> {
    await this.root?.end();
    await this.server?.stop();
  }

  private get running(): RunningServer {
    if (this.server === undefined) throw new Error('the server is not started yet');
    return this.server;
  }
}

/** The body asks for the server in hooks and tests, never before. */
export function describeOwnMariadb(options: ServerOptions, body: (server: OwnMariadb) => void) {
  const missing = missingBinaries('mariadb');
  const reasons = missing.length === 0 ? undefined : [`not installed: ${missing.join(', ')}`];
  const kind = 'a mariadb of its own';
  const fate = fateOfMissing(kind, reasons, process.env['TERCET_REQUIRE_SERVERS']);
  describeFate(kind, fate, () => {
    const server = new OwnMariadb();
    beforeAll(() => server.start(options), startMsMax);
    body(server);
    // Registered last: whatever the tests opened is closed by now.
    afterAll(() => server.stop());
  });
}
