/**
 * `describeWith('mariadb', (server) => { … })`: tests on a real server. Where none can be had they are skipped and the
 * reasons are printed; with TERCET_REQUIRE_SERVERS=1 they fail instead.
 */
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { askBroker } from './broker';
import { type Database, makeDatabase } from './database';
import { readPlan, type RunPlan } from './run-plan';
import type { ServerKind } from './server-kind';

/** The first start creates a data directory, or fetches an image. */
const startMsMax = 300_000;

/** A server, for the tests of one `describeWith`. */
export class TestServer {
  private address: string | undefined;
  private readonly databases: Database[] = [];

  constructor(readonly kind: ServerKind) {}

  /** Where it listens. Throws an Error before the tests have begun: read it in hooks and tests. */
  get url(): string {
    if (this.address === undefined) {
      throw new Error(`${this.kind} is not started yet: ask for its url in a hook or a test`);
    }
    return this.address;
  }

  /** Starts it where nobody has. */
  async start(socket: string): Promise<void> {
    this.address = await askBroker(socket, this.kind);
  }

  /** An empty database of its own, dropped after the tests. */
  async freshDatabase(): Promise<Database> {
    const database = await makeDatabase(this.kind, this.url);
    this.databases.push(database);
    return database;
  }

  /** Drops the databases that were made. */
  async dropDatabases(): Promise<void> {
    for (const database of this.databases.splice(0)) await database.drop();
  }
}

/** An empty database of its own, dropped after the tests of the server's `describeWith`. */
export async function freshDatabase(server: TestServer): Promise<Database> {
  return server.freshDatabase();
}

/** What becomes of the tests that want a server. */
export type Fate =
  | { readonly kind: 'run' }
  | { readonly kind: 'skip' | 'fail'; readonly reason: string };

/** Decides it. `required` = TERCET_REQUIRE_SERVERS. */
export function fateOf(
  kind: ServerKind,
  plan: Pick<RunPlan, 'missing'>,
  required: string | undefined,
): Fate {
  return fateOfMissing(kind, plan.missing[kind], required);
}

/** Decides it from why there is no such server; undefined = there is one. */
export function fateOfMissing(
  kind: string,
  why: readonly string[] | undefined,
  required: string | undefined,
): Fate {
  if (why === undefined) return { kind: 'run' };
  const reason = `no ${kind}: ${why.join('; ')}`;
  return required === '1' || required === 'true'
    ? { kind: 'fail', reason }
    : { kind: 'skip', reason };
}

/** Tests on a real server, shared by the whole run. Use a `freshDatabase` of it. */
export function describeWith(kind: ServerKind, body: (server: TestServer) => void): void {
  const plan = readPlan();
  const server = new TestServer(kind);
  describeFate(kind, fateOf(kind, plan, process.env['TERCET_REQUIRE_SERVERS']), () => {
    beforeAll(() => server.start(plan.socket), startMsMax);
    body(server);
    // Registered last: whatever the tests opened is closed by now.
    afterAll(() => server.dropDatabases());
  });
}

/** Tests that want a server of this kind, as it becomes of them. */
export function describeFate(kind: string, fate: Fate, body: () => void): void {
  if (fate.kind === 'fail') {
    test(`on ${kind}`, () => {
      throw new Error(`${fate.reason} (TERCET_REQUIRE_SERVERS is set)`);
    });
    return;
  }
  if (fate.kind === 'run') return void describe(`on ${kind}`, body);
  process.stderr.write(`skipped: ${fate.reason}\n`);
  describe.skip(`on ${kind} (${fate.reason})`, body);
}
