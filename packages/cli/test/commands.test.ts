/** Every command against a coordinator that is a double: what it asks, what it prints where, how it ends. */
import { describe, expect, test } from '@jest/globals';
import { TercetError } from '@tercet/core';
import { ConfigError, CoordinatorUnavailableError } from '@tercet/sdk/operator';
import { tercet } from './support/recorded-run';
import { aStuckPage, aSummary } from './support/views';

const nothingStuck = aStuckPage({ branches: [], total: 0, transactions: 0 });

describe('which coordinator is asked', () => {
  test('is the default, for ten seconds', async () => {
    const { opened, closed } = await tercet('stuck');
    expect(opened).toEqual([{ address: '127.0.0.1:8420', timeout: 10_000 }]);
    expect(closed).toBe(1);
  });

  test('comes from the environment', async () => {
    const { opened } = await tercet('tx list', { env: { TERCET_ADDRESS: 'tercet:8420' } });
    expect(opened).toMatchObject([{ address: 'tercet:8420' }]);
  });

  test('comes from the flag before the environment', async () => {
    const env = { TERCET_ADDRESS: 'tercet:8420' };
    const { opened } = await tercet('tx get ord-1 --address other:1 --timeout 500ms', { env });
    expect(opened).toEqual([{ address: 'other:1', timeout: 500 }]);
  });

  test.each([
    'tercet:8420',
    '[::1]:8420',
    'dns:///tercet.internal:8420',
    'ipv4:10.0.0.7:8420',
    'ipv6:[::1]:8420',
    'unix:/run/tercet.sock',
  ])('may be %s', async (address) => {
    const { exitCode, opened } = await tercet(`stuck --address ${address}`);
    expect(exitCode).toBe(0);
    expect(opened).toMatchObject([{ address }]);
  });

  // gRPC would take the first for port 443 and let the operator wait there.
  test.each([
    'localhost',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    ':8420',
    '::1',
    'http://localhost:8420',
    'https://tercet',
    '',
  ])('must have a port: %p is refused', async (address) => {
    const told = (source: string) => ({
      exitCode: 2,
      stdout: '',
      stderr:
        `tercet: ${source} must be host:port, such as 127.0.0.1:8420, got "${address}"\n` +
        'hint: give the gRPC address that `tercet server` prints\n',
      loaded: [],
    });
    expect(await tercet(`health --address=${address}`)).toMatchObject(told('--address'));
    if (address === '') return;
    const env = { TERCET_ADDRESS: address };
    expect(await tercet('stuck', { env })).toMatchObject(told('TERCET_ADDRESS'));
  });

  test('is closed after a failure too', async () => {
    const get = async (): Promise<never> => {
      throw new TercetError('TRANSACTION_NOT_FOUND');
    };
    expect(await tercet('tx get ord-1', { client: { get } })).toMatchObject({
      exitCode: 4,
      closed: 1,
    });
  });
});

describe('tercet stuck', () => {
  test('prints data to stdout and the closing line to stderr', async () => {
    const { exitCode, stdout, stderr } = await tercet('stuck');
    expect(stdout).toMatch(/^GID .*\nord-8842 .*\nord-8851 .*\n$/);
    expect(stderr).toBe('2 stuck branches in 2 transactions. Next: tercet tx get ord-8842\n');
    expect(exitCode).toBe(0);
  });

  test('passes its filters on', async () => {
    const seen: unknown[] = [];
    const stuck = async (filter: unknown): Promise<typeof nothingStuck> => {
      seen.push(filter);
      return nothingStuck;
    };
    const line = 'stuck --service shop.StockTcc --action reserve --reason unreachable --limit 7';
    await tercet(line, { client: { stuck } });
    await tercet('stuck', { client: { stuck } });
    expect(seen).toEqual([
      { service: 'shop.StockTcc', action: 'reserve', reason: 'unreachable', limit: 7 },
      {},
    ]);
  });

  test('--check exits with 8 when something is stuck', async () => {
    expect((await tercet('stuck --check')).exitCode).toBe(8);
    expect((await tercet('stuck --check --json')).exitCode).toBe(8);
    const client = { stuck: async () => nothingStuck };
    const { exitCode, stdout, stderr } = await tercet('stuck --check', { client });
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'No stuck branches.\n',
    });
  });

  test.each(['--service Nope', '--action nope', '--reason deadline'])(
    'says that nothing matches %s, not that nothing is stuck',
    async (filter) => {
      const client = { stuck: async () => nothingStuck };
      const { stdout, stderr } = await tercet(`stuck ${filter}`, { client });
      expect({ stdout, stderr }).toEqual({
        stdout: '',
        stderr: 'No stuck branches match the filters.\n',
      });
      expect((await tercet('stuck --limit 3', { client })).stderr).toBe('No stuck branches.\n');
    },
  );

  test('--json prints one value and no note', async () => {
    const { stdout, stderr } = await tercet('stuck --json');
    expect(JSON.parse(stdout)).toMatchObject({ total: 2, transactions: 2 });
    expect(stderr).toBe('');
  });

  test('shortens lines and colours them in a terminal only', async () => {
    const piped = await tercet('stuck');
    const seen = await tercet('stuck --no-color', { terminal: 148 });
    const colored = await tercet('stuck', { terminal: 148 });
    const longest = (text: string): number =>
      Math.max(...text.split('\n').map((line) => line.length));
    expect(longest(piped.stdout)).toBeGreaterThan(148);
    expect(longest(seen.stdout)).toBe(148);
    expect(colored.stdout).toContain('\u001b[');
    expect(seen.stdout + piped.stdout).not.toContain('\u001b[');
  });

  test('names the reasons when it is given another', async () => {
    const { exitCode, stderr, loaded } = await tercet('stuck --reason lost');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('retrying, unreachable, deadline');
    expect(loaded).toEqual([]);
  });
});

describe('tercet tx list', () => {
  test.each([
    ['tx list', {}],
    ['tx list --status trying', { statuses: ['trying'] }],
    [
      'tx list --status trying,confirming --status cancelling --status trying',
      { statuses: ['trying', 'confirming', 'cancelling'] },
    ],
    [
      'tx list --name checkout --gid-prefix ord- --limit 1000 --cursor abc',
      { name: 'checkout', gidPrefix: 'ord-', limit: 1_000, cursor: 'abc' },
    ],
  ])('%s', async (line, filter) => {
    const seen: unknown[] = [];
    const list = async (given: unknown): Promise<{ transactions: []; nextCursor: undefined }> => {
      seen.push(given);
      return { transactions: [], nextCursor: undefined };
    };
    expect(await tercet(line, { client: { list } })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(seen).toEqual([filter]);
  });

  test('tells on stderr how to go on', async () => {
    const list = async () => ({ transactions: [aSummary()], nextCursor: 'abc' });
    const { stdout, stderr } = await tercet('tx list', { client: { list } });
    expect(stdout).toMatch(/^GID .*\nord-8842 .*\n$/);
    expect(stderr).toBe('There are more. Next: the same command with --cursor abc\n');
  });

  test.each(['0', '1001', '1.5', 'many', ''])('refuses a limit of %p', async (limit) => {
    const { exitCode, stderr } = await tercet(`tx list --limit=${limit}`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('It must be a whole number from 1 to 1000.');
  });
});

describe('tercet tx get', () => {
  test('describes the transaction', async () => {
    const { exitCode, stdout, stderr } = await tercet('tx get ord-7');
    expect(stdout).toMatch(/^gid +ord-7\n[^]*\n\nBRANCH .*\n1 .*\n2 .*\n$/);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('prints one object with --json', async () => {
    expect(JSON.parse((await tercet('tx get ord-7 --json')).stdout)).toMatchObject({
      gid: 'ord-7',
    });
  });

  test('needs a gid', async () => {
    expect(await tercet('tx get')).toMatchObject({
      exitCode: 2,
      stderr: "tercet: missing required argument 'gid'\nhint: see `tercet tx get --help`\n",
    });
  });
});

describe('tercet health', () => {
  const unavailable = new CoordinatorUnavailableError({ message: 'no answer', decided: 'unknown' });
  const ending = (error: unknown) => ({
    client: {
      health: async (): Promise<never> => {
        throw error;
      },
    },
  });

  test('is 0 when the coordinator serves', async () => {
    expect(await tercet('health')).toMatchObject({
      exitCode: 0,
      stdout: '127.0.0.1:8420 is serving\n',
    });
  });

  test('is 6 when it does not, and says why', async () => {
    const client = { health: async () => ({ status: 'not-serving' as const }) };
    expect(await tercet('health', { client })).toMatchObject({
      exitCode: 6,
      stdout:
        '127.0.0.1:8420 is not-serving: it is starting or stopping, or its store cannot be used\n',
    });
    const { exitCode, stdout } = await tercet('health --json', { client });
    expect(exitCode).toBe(6);
    expect(JSON.parse(stdout)).toEqual({
      address: '127.0.0.1:8420',
      status: 'not-serving',
      reason: 'it is starting or stopping, or its store cannot be used',
    });
  });

  test('is 6 when nobody answers', async () => {
    expect(await tercet('health', ending(unavailable))).toMatchObject({
      exitCode: 6,
      stdout: '',
      stderr: expect.stringContaining(
        'hint: Check that `tercet server` runs and that --address is right, or give it a longer --timeout; every command may be repeated.\n',
      ),
    });
  });

  test('is 6 when something else answers', async () => {
    const error = new TercetError('NOT_BUILT_YET', { message: 'gRPC status 12: no such method' });
    expect(await tercet('health', ending(error))).toMatchObject({
      exitCode: 6,
      stderr: expect.stringContaining('gRPC status 12'),
    });
  });

  test('is still 2 when it was asked wrongly', async () => {
    const error = new ConfigError('address is malformed');
    expect((await tercet('health', ending(error))).exitCode).toBe(2);
    expect((await tercet('health --timeout soon')).exitCode).toBe(2);
  });
});

test('tercet version', async () => {
  expect(await tercet('version')).toMatchObject({
    exitCode: 0,
    stdout: 'tercet 1.2.3\n',
    stderr: '',
  });
  expect(await tercet('--version')).toMatchObject({ exitCode: 0, stdout: 'tercet 1.2.3\n' });
  expect(JSON.parse((await tercet('version --json')).stdout)).toEqual({ version: '1.2.3' });
});

describe('help', () => {
  test.each([
    '--help',
    '-h',
    'help',
    'stuck --help',
    'store --help',
    'store check --help',
    'store migrate --help',
    'tx --help',
    'tx list -h',
    'version',
    'help stuck',
  ])('%s loads nothing and is no error', async (line) => {
    expect(await tercet(line)).toMatchObject({ exitCode: 0, stderr: '', loaded: [] });
  });

  test('help of a command is the same both ways', async () => {
    expect((await tercet('help tx list')).stdout).toBe((await tercet('tx list --help')).stdout);
    expect((await tercet('help server')).stdout).toBe((await tercet('server --help')).stdout);
  });

  test('lists the commands, the server first, and the exit codes', async () => {
    const { stdout } = await tercet('--help');
    expect(stdout).toMatch(/\nCommands:\n +server .*\n +stuck /);
    const verbs = ['retry', 'resume', 'resolve'];
    for (const word of [
      'stuck',
      'tx',
      ...verbs,
      'health',
      'server',
      'version',
      '130 interrupted',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  test.each(['', 'tx'])('comes on stderr, with 2, when %p names no command', async (line) => {
    const { exitCode, stdout, stderr } = await tercet(line);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: tercet');
  });
});

describe('a wrong command line', () => {
  test.each([
    ['stuk', "unknown command 'stuk'", 'Did you mean stuck?'],
    ['rety ord-1', "unknown command 'rety'", 'Did you mean retry?'],
    ['resme ord-1', "unknown command 'resme'", 'Did you mean resume?'],
    ['resolv ord-1 1', "unknown command 'resolv'", 'Did you mean resolve?'],
    ['retry ord-1 --dryrun', "unknown option '--dryrun'", 'Did you mean --dry-run?'],
    ['retry', "missing required argument 'gid'", 'see `tercet retry --help`'],
    [
      'resolve ord-1 --as confirmed --reason r',
      "missing required argument 'branch'",
      'see `tercet resolve --help`',
    ],
    [
      '--reason x resolve ord-1 1',
      "unknown option '--reason'",
      'put it after the command: tercet resolve --reason x',
    ],
    ['tx lst', "unknown command 'lst'", 'Did you mean list?'],
    ['stuck --jsn', "unknown option '--jsn'", 'Did you mean --json?'],
    ['frobnicate', "unknown command 'frobnicate'", 'see `tercet --help`'],
    ['help stuk', "unknown command 'stuk'", 'Did you mean stuck?'],
    ['help tx lst', "unknown command 'lst'", 'Did you mean list?'],
    ['stuck --check=3', "unknown option '--check=3'", 'Did you mean --check?'],
    [
      'tx list --status',
      "option '--status <status>' argument missing",
      'see `tercet tx list --help`',
    ],
    [
      'stuck now',
      "too many arguments for 'stuck'. Expected 0 arguments but got 1.",
      'see `tercet stuck --help`',
    ],
    [
      '--limit 5 --no-color tx list',
      "unknown option '--limit'",
      'put it after the command: tercet tx list --limit 5',
    ],
    [
      '--address=tercet:8420 health',
      "unknown option '--address=tercet:8420'",
      'put it after the command: tercet health --address=tercet:8420',
    ],
    [
      'tx --cursor abc list',
      "unknown option '--cursor'",
      'put it after the command: tercet tx list --cursor abc',
    ],
    ['--check health', "unknown option '--check'", 'see `tercet health --help`'],
    ['--limit', "unknown option '--limit'", 'see `tercet --help`'],
  ])('%p is explained', async (line, message, hint) => {
    const { exitCode, stdout, stderr, loaded } = await tercet(line);
    expect({ exitCode, stdout, loaded }).toEqual({ exitCode: 2, stdout: '', loaded: [] });
    expect(stderr).toBe(`tercet: ${message}\nhint: ${hint}\n`);
  });

  test.each([
    ['--json stuck', 'put it after the command: tercet stuck --json'],
    ['tx --json get ord-1', 'put it after the command: tercet tx get --json'],
    ['--json', 'see `tercet --help`'],
  ])('%p says where --json belongs', async (line, hint) => {
    const { exitCode, stderr } = await tercet(line);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { hint, exitCode: 2 } });
  });

  test('is a JSON object when JSON was asked for', async () => {
    const { exitCode, stderr } = await tercet('stuk --json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT', hint: 'Did you mean stuck?', exitCode: 2 },
    });
  });
});

test('an unexpected error is 1, and shows its stack with --debug only', async () => {
  const client = {
    stuck: async (): Promise<never> => {
      throw new Error('boom');
    },
  };
  const quiet = await tercet('stuck', { client });
  const loud = await tercet('stuck --debug', { client });
  expect([quiet.exitCode, loud.exitCode]).toEqual([1, 1]);
  expect(quiet.stderr).not.toContain('    at ');
  expect(loud.stderr).toContain('    at ');
});
