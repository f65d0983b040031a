/**
 * The `tercet` command as people run it: real processes, a real coordinator on a free port. The sources run as they
 * are, so that no test ever judges an old build.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { credentials } from '@grpc/grpc-js';
import {
  BranchDriver,
  BranchMode,
  type CommitResponse,
  CoordinatorClient,
  Dialect,
  Fact,
  OnTimeout,
  PhaseTwoOrder,
  type RegisterBranchesResponse,
} from '@tercet/proto';
import { tercetProgram } from '../support/tercet-program';

jest.setTimeout(60_000);

const root = path.resolve(__dirname, '../..');

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
const folders: string[] = [];

function start(
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  folder: string = root,
): ChildProcess {
  const child = spawn(process.execPath, [...tercetProgram, ...words], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function tercet(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const child = start(words, env);
  const [stdout, stderr] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    ended(child),
  ]);
  return { exitCode: child.exitCode, stdout, stderr };
}

async function textOf(stream: ChildProcess['stdout']): Promise<string> {
  return stream === null ? '' : await text(stream);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tercet-cli-'));
  folders.push(folder);
  return folder;
}

/** A coordinator that is ready, and everything that it writes from now on. */
class RunningServer {
  readonly lines: string[] = [];
  private errors = '';
  private constructor(readonly child: ChildProcess) {}

  static async start(...flags: readonly string[]): Promise<RunningServer> {
    const words = ['server', '--grpc-address', '127.0.0.1:0', '--http-address', 'off', ...flags];
    const server = new RunningServer(start(words));
    await server.ready();
    return server;
  }

  /** Address of gRPC, as the banner tells it. */
  get address(): string {
    const line = this.lines.find((candidate) => candidate.startsWith('  gRPC'));
    return line?.split(/\s+/)[2] ?? '';
  }

  /** Ends it by a signal and resolves with its exit code. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    await ended(this.child);
    return this.child.exitCode;
  }

  private async ready(): Promise<void> {
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error('a server without pipes');
    stderr.on('data', (data: Buffer) => {
      this.errors += data.toString();
    });
    const lines = createInterface({ input: stdout });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        this.lines.push(line);
        if (line === 'Ctrl-C stops it.') resolve();
      });
      lines.once('close', () => reject(new Error(`the server ended: ${this.errors}`)));
    });
  }
}

/** Holds a port, as a process that is no coordinator would. */
async function occupiedPort(): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** An address where nobody listens: it was free a moment ago. */
async function freeAddress(): Promise<string> {
  const { server, address } = await occupiedPort();
  server.close();
  await once(server, 'close');
  return address;
}

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all([...running].map(ended));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('without a coordinator', () => {
  test('version and help work', async () => {
    const { version } = JSON.parse(
      readFileSync(path.join(root, 'packages/cli/package.json'), 'utf8'),
    ) as { readonly version: string };
    expect(await tercet(['version'])).toEqual({
      exitCode: 0,
      stdout: `tercet ${version}\n`,
      stderr: '',
    });
    expect(await tercet(['--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Usage: tercet'),
      stderr: '',
    });
  });

  // What these commands load is what makes them slow: `version` must stay under 150 ms.
  test.each([['version'], ['--help'], ['stuck --help'], ['barrier check --help'], ['stuk']])(
    '%s loads no gRPC, log or SQL',
    async (line) => {
      const folder = temporaryFolder();
      const list = path.join(folder, 'loaded.json');
      const preload = path.join(folder, 'preload.js');
      writeFileSync(
        preload,
        `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache))));`,
      );
      await tercet(line.split(' '), { NODE_OPTIONS: `--require ${preload}` });
      const loaded = JSON.parse(readFileSync(list, 'utf8')) as readonly string[];
      expect(loaded.some((file) => file.includes(`${path.sep}commander${path.sep}`))).toBe(true);
      const heavy =
        /node_modules\/(@grpc|pino|knex|@photostructure|protobufjs)\/|packages\/(coordinator|sdk|proto|runtime)\//;
      expect(loaded.filter((file) => heavy.test(file))).toEqual([]);
    },
  );

  test("barrier takes the drivers of the project's folder", async () => {
    const url = `sqlite:${path.join(temporaryFolder(), 'shop.db')}`;
    expect(await tercet(['barrier', 'check', '--url', url])).toMatchObject({ exitCode: 6 });
    expect(await tercet(['barrier', 'migrate', '--url', url])).toMatchObject({
      exitCode: 0,
      stdout: `${url} is ready\n`,
    });
    const sql = await tercet(['barrier', 'sql', '--dialect', 'postgres']);
    expect(sql).toMatchObject({ exitCode: 0, stderr: '' });
    const elsewhere = start(['barrier', 'check', '--url', 'mysql://db/shop'], {}, '/');
    expect(await textOf(elsewhere.stderr)).toContain('the driver mysql2 is not installed');
    await ended(elsewhere);
    expect(elsewhere.exitCode).toBe(2);
  });

  test('health is 6 and says where nobody listens', async () => {
    const address = await freeAddress();
    const { exitCode, stdout, stderr } = await tercet(['health', '--timeout', '5s'], {
      TERCET_ADDRESS: address,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: '' });
    expect(stderr).toMatch(/^tercet: .*\nhint: .*`tercet server`.*\n$/);
    expect(stderr).toContain(address);
  });

  test('what does not answer is given up after --timeout', async () => {
    const { server, address } = await occupiedPort();
    server.on('connection', (socket) => socket.on('error', () => undefined));
    const { exitCode } = await tercet(['stuck', '--address', address, '--timeout', '300ms']);
    server.close();
    expect(exitCode).toBe(6);
  });

  test('a wrong command line is 2', async () => {
    const wrong = await tercet(['tx', 'lst']);
    expect(wrong).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: "tercet: unknown command 'lst'\nhint: Did you mean list?\n",
    });
    const settings = await tercet(['server', '--store', 'foo', '--grpc-adress', 'x']);
    expect(settings.exitCode).toBe(2);
    expect(settings.stderr).toContain('--store must be one of');
    expect(settings.stderr).toContain('did you mean --grpc-address');
    expect(settings.stderr).not.toContain('    at ');
  });

  test('an address without a port is 2, and nobody waits for port 443', async () => {
    expect(await tercet(['stuck', '--address', 'localhost'])).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'tercet: --address must be host:port, such as 127.0.0.1:8420, got "localhost"\n' +
        'hint: give the gRPC address that `tercet server` prints\n',
    });
  });

  test('a port in use is refused with 5', async () => {
    const { server, address } = await occupiedPort();
    const words = [
      'server',
      '--store',
      'memory',
      '--http-address',
      'off',
      '--grpc-address',
      address,
    ];
    const { exitCode, stdout, stderr } = await tercet(words);
    server.close();
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^tercet: cannot listen on ${address}: .*\nhint: .*\n$`));
  });

  test('the committed program is executable and says when it is not built', async () => {
    const program = path.join(root, 'packages/cli/bin/tercet.js');
    expect(statSync(program).mode & 0o111).toBe(0o111);
    expect(readFileSync(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);

    const unbuilt = path.join(temporaryFolder(), 'bin', 'tercet.js');
    mkdirSync(path.dirname(unbuilt));
    copyFileSync(program, unbuilt);
    const child = spawn(process.execPath, [unbuilt, 'version'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stderr = await textOf(child.stderr);
    await ended(child);
    expect({ exitCode: child.exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'tercet: it is not built yet: run `npm run build` (or `make`) first\n',
    });
  });
});

describe('with a coordinator', () => {
  let server: RunningServer;
  const ask = (...words: readonly string[]): Promise<Finished> =>
    tercet(words, { TERCET_ADDRESS: server.address });

  beforeAll(async () => {
    server = await RunningServer.start('--store', 'memory');
  });

  afterAll(async () => {
    await server.stop('SIGKILL');
  });

  test('tells how to ask it, and how to end it', () => {
    const at = `--address ${server.address}`;
    expect(server.lines.slice(-2)).toEqual([
      `Next: tercet stuck ${at}, tercet tx list ${at}, tercet health ${at}`,
      'Ctrl-C stops it.',
    ]);
  });

  test('health is 0', async () => {
    expect(await ask('health')).toEqual({
      exitCode: 0,
      stdout: `${server.address} is serving\n`,
      stderr: '',
    });
  });

  test('empty lists are empty on stdout', async () => {
    expect(await ask('tx', 'list')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'No transactions.\n',
    });
    const list = await ask('tx', 'list', '--json');
    expect(JSON.parse(list.stdout)).toEqual({ transactions: [], nextCursor: null });
    const stuck = await ask('stuck', '--json', '--check');
    expect({ exitCode: stuck.exitCode, stderr: stuck.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stuck.stdout)).toEqual({
      branches: [],
      total: 0,
      transactions: 0,
      now: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  test('an unknown gid is 4', async () => {
    const { exitCode, stdout, stderr } = await ask('tx', 'get', 'nobody-knows');
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
    expect(stderr).toMatch(/^tercet: .*\nhint: .*gid.*\n$/);
    const json = await ask('tx', 'get', 'nobody-knows', '--json');
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'TRANSACTION_NOT_FOUND', exitCode: 4, details: { gid: 'nobody-knows' } },
    });
  });

  test('a branch whose participant is away is found, described, and fails a check', async () => {
    await commitWithoutParticipant(server.address, 'ord-8842');
    const stuck = await ask('stuck', '--check');
    expect(stuck.exitCode).toBe(8);
    expect(stuck.stdout).toMatch(
      /^GID .*\nord-8842 +checkout +1 +shop\.StockTcc\/reserve +confirm +\d+ +\d+s +(\d+s|now) +unreachable +UNAVAILABLE +.*ECONNREFUSED.*\n$/,
    );
    expect(stuck.stderr).toBe('1 stuck branch in 1 transaction. Next: tercet tx get ord-8842\n');

    const described = await ask('tx', 'get', 'ord-8842');
    expect(described).toMatchObject({ exitCode: 0, stderr: '' });
    expect(described.stdout).toMatch(/^gid +ord-8842\nname +checkout\nstatus +confirming\n/);
    expect(described.stdout).toMatch(/\n1 +shop\.StockTcc\/reserve +.* unreachable +UNAVAILABLE /);

    const listed = await ask('tx', 'list', '--status', 'confirming,cancelling', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      transactions: [{ gid: 'ord-8842', status: 'confirming', cause: 'commit' }],
    });
    expect((await ask('stuck', '--reason', 'rejected', '--check')).exitCode).toBe(0);
  });

  test('a branch that nobody can mend is retried in vain, and resolved by name and reason', async () => {
    await commitWithoutParticipant(server.address, 'ord-9');
    const retried = await ask('retry', 'ord-9', '1');
    expect(retried).toEqual({
      exitCode: 0,
      stdout: 'branch 1 of ord-9 is due now\nord-9 is confirming, 1 branch pending\n',
      stderr: 'Next: tercet tx get ord-9\n',
    });
    const verdict = ['resolve', 'ord-9', '1', '--as', 'confirmed', '--reason', 'shipped by hand'];
    const unconfirmed = await ask(...verdict);
    expect(unconfirmed).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('--confirm=ord-9/1'),
    });
    const resolved = await ask(...verdict, '--confirm=ord-9/1', '--json');
    expect({ exitCode: resolved.exitCode, stderr: resolved.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    });
    expect(JSON.parse(resolved.stdout)).toMatchObject({ verb: 'resolve', changed: ['1'] });
    const { stdout } = await ask('tx', 'get', 'ord-9');
    // Nobody gave --by: it is who ran the command.
    expect(stdout).toMatch(/\n1 +confirmed +\S+@\S+ +\S+Z +shipped by hand\n$/);
    const wrong = await ask('resume', 'ord-9', '7');
    expect(wrong.exitCode).toBe(4);
    expect(wrong.stderr).toContain('transaction ord-9 has no branch 7; it has 1');
  });

  test('a reader that leaves early is no error', async () => {
    const child = start(['tx', 'list', '--json'], { TERCET_ADDRESS: server.address });
    child.stdout?.destroy();
    const stderr = await textOf(child.stderr);
    await ended(child);
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

describe('a coordinator on a data directory', () => {
  let server: RunningServer | undefined;

  afterEach(async () => {
    await server?.stop('SIGKILL');
  });

  test('keeps a second one out, and stops in order at SIGTERM', async () => {
    const folder = path.join(temporaryFolder(), 'data');
    server = await RunningServer.start('--data-dir', folder);
    expect(server.lines).toContain(`  store  sqlite in ${folder}`);

    const words = ['--grpc-address', '127.0.0.1:0', '--http-address', 'off', '--data-dir', folder];
    const second = await tercet(['server', ...words]);
    expect({ exitCode: second.exitCode, stdout: second.stdout }).toEqual({
      exitCode: 5,
      stdout: '',
    });
    expect(second.stderr).toMatch(/^tercet: [^]*hint: .*--data-dir.*\n$/m);

    expect(await server.stop('SIGTERM')).toBe(0);
    expect(server.lines.slice(-2)).toEqual(['SIGTERM: stopping, at most 10 s', 'stopped']);
  });

  test('tells what it goes on with after it was killed', async () => {
    const folder = temporaryFolder();
    server = await RunningServer.start('--data-dir', folder);
    await commitWithoutParticipant(server.address, 'ord-1');
    await server.stop('SIGKILL');

    server = await RunningServer.start('--data-dir', folder);
    expect(server.lines.slice(0, 2)).toEqual([
      'resumed 1 unfinished transaction',
      'Tercet coordinator is ready',
    ]);
    const { stdout } = await tercet(['tx', 'get', 'ord-1', '--json', '--address', server.address]);
    expect(JSON.parse(stdout)).toMatchObject({ gid: 'ord-1', status: 'confirming' });
  });

  test('ends in order at Ctrl-C', async () => {
    server = await RunningServer.start('--store', 'memory');
    expect(await server.stop('SIGINT')).toBe(0);
    expect(server.lines.at(-1)).toBe('stopped');
  });
});

/** Commits a transaction whose one participant does not exist; it is stuck when this resolves. */
async function commitWithoutParticipant(address: string, gid: string): Promise<void> {
  const target = await freeAddress();
  const client = new CoordinatorClient(address, credentials.createInsecure());
  const runId = '0123456789abcdef0123456789abcdef';
  const method = (phase: string): string => `/shop.StockTcc/Reserve${phase}`;
  try {
    await new Promise<RegisterBranchesResponse>((resolve, reject) => {
      const open = {
        name: 'checkout',
        timeoutMs: 30_000,
        policy: {
          onTimeout: OnTimeout.ON_TIMEOUT_CANCEL,
          phaseTwoOrder: PhaseTwoOrder.PHASE_TWO_ORDER_ALL,
          askTarget: '',
        },
        labels: {},
        traceContext: undefined,
      };
      const branch = {
        branchId: '1',
        action: 'reserve',
        mode: BranchMode.BRANCH_MODE_TCC,
        driver: BranchDriver.BRANCH_DRIVER_INITIATOR,
        dialect: Dialect.DIALECT_TERCET,
        target,
        forwardMethod: method('Try'),
        confirmMethod: method('Confirm'),
        cancelMethod: method('Cancel'),
        payload: Buffer.alloc(0),
        after: [],
        retry: { firstDelayMs: 1, maxDelayMs: 20 },
        stuckAfterMs: 1,
        barrier: false,
        parkPermanentErrors: false,
      };
      const done = answered(resolve, reject);
      client.registerBranches({ gid, runId, open, branches: [branch] }, done);
    });
    // Waiting for a fact that cannot come gives the coordinator the time of some attempts.
    await new Promise<CommitResponse>((resolve, reject) => {
      const wish = { waitFor: Fact.FACT_EXECUTED, waitMs: 1_500 };
      client.commit({ gid, runId, branchIds: ['1'], ...wish }, answered(resolve, reject));
    });
  } finally {
    client.close();
  }
}

function answered<T>(
  resolve: (reply: T) => void,
  reject: (error: Error) => void,
): (error: Error | null, reply: T) => void {
  return (error, reply) => {
    if (error === null) resolve(reply);
    else reject(error);
  };
}
