/** retry, resume and resolve against a coordinator that is a double: what they ask, confirm, print, and end with. */
import { describe, expect, test } from '@jest/globals';
import { type BranchId, TercetError } from '@tercet/core';
import type { OperatorClient } from '@tercet/sdk/operator';
import { type Outside, type RecordedRun, tercet } from './support/recorded-run';
import { aBranch, aTransaction, anUnreachableBranch } from './support/views';

const parked = aBranch({ parked: true, stuckReason: 'rejected' });
const mixed = aTransaction({ branches: [parked, anUnreachableBranch()] });

/** A client that records what it is asked to change. */
function recording(change: Partial<OperatorClient> = {}): {
  readonly client: Partial<OperatorClient>;
  readonly asked: unknown[];
} {
  const asked: unknown[] = [];
  const changed = ['2' as BranchId];
  const client: Partial<OperatorClient> = {
    get: async () => mixed,
    retry: async (...words) => {
      asked.push(['retry', ...words]);
      return { transaction: mixed, changed };
    },
    resume: async (...words) => {
      asked.push(['resume', ...words]);
      return { transaction: mixed, changed };
    },
    resolve: async (...words) => {
      asked.push(['resolve', ...words]);
      return { transaction: mixed, recorded: true };
    },
    ...change,
  };
  return { client, asked };
}

describe.each(['retry', 'resume'] as const)('tercet %s', (verb) => {
  test('asks for all branches, or for those named', async () => {
    const { client, asked } = recording();
    await tercet(`${verb} ord-8842`, { client });
    await tercet(`${verb} ord-8842 2 2.1`, { client });
    expect(asked).toEqual([
      [verb, 'ord-8842', { branches: [] }],
      [verb, 'ord-8842', { branches: ['2', '2.1'] }],
    ]);
  });

  test('reports the new state, and on stderr the next command', async () => {
    const { client } = recording();
    const { exitCode, stdout, stderr } = await tercet(`${verb} ord-8842`, { client });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'Next: tercet resume ord-8842\n' });
    expect(stdout).toMatch(
      /^branch 2 of ord-8842 is .*due now\nord-8842 is confirming, 2 branches pending\n$/,
    );
  });

  test('--json prints one object and no note', async () => {
    const { client } = recording();
    const { stdout, stderr } = await tercet(`${verb} ord-8842 --json`, { client });
    expect(JSON.parse(stdout)).toMatchObject({
      verb,
      gid: 'ord-8842',
      dryRun: false,
      changed: ['2'],
      transaction: { gid: 'ord-8842', branches: [{ parked: true }, { parked: false }] },
    });
    expect(stderr).toBe('');
  });

  test.each(['-n', '--dry-run'])(
    '%s shows what would change, and asks for no change',
    async (flag) => {
      const { client, asked } = recording();
      const would =
        verb === 'retry'
          ? 'branch 2 of ord-8842 would be due now'
          : 'branch 1 of ord-8842 would be resumed and due now';
      expect(await tercet(`${verb} ord-8842 ${flag}`, { client })).toMatchObject({
        exitCode: 0,
        stdout: `dry run, nothing was changed:\n${would}\nord-8842 is confirming, 2 branches pending\n`,
        stderr: 'Next: the same command without --dry-run\n',
      });
      const json = await tercet(`${verb} ord-8842 ${flag} --json`, { client });
      expect(JSON.parse(json.stdout)).toMatchObject({
        dryRun: true,
        changed: [verb === 'retry' ? '2' : '1'],
      });
      expect(asked).toEqual([]);
    },
  );

  test('is 2 for what is no branch id, before anybody is asked', async () => {
    expect(await tercet(`${verb} ord-8842 two`)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(
        'branch must be a number such as 1 or 12 (nested: 1.2), got "two"',
      ),
      loaded: [],
    });
  });

  test.each([
    ['TRANSACTION_NOT_FOUND', 4],
    ['BRANCH_NOT_FOUND', 4],
    ['BRANCH_PARKED', 5],
    ['WRONG_STATUS', 5],
    ['COORDINATOR_UNAVAILABLE', 6],
    ['DEADLINE_EXCEEDED', 6],
  ] as const)('%s is %d', async (code, exitCode) => {
    const fail = async (): Promise<never> => {
      throw new TercetError(code);
    };
    expect(await tercet(`${verb} ord-1`, { client: { [verb]: fail } })).toMatchObject({
      exitCode,
      stdout: '',
      closed: 1,
    });
  });
});

test('a dry run is refused as the real one would be', async () => {
  const { client } = recording();
  expect(await tercet('retry ord-8842 1 -n', { client })).toMatchObject({
    exitCode: 5,
    stdout: '',
    stderr: expect.stringContaining('resume it to have it called again'),
  });
  expect((await tercet('resume ord-8842 9 -n', { client })).exitCode).toBe(4);
});

describe('tercet resolve', () => {
  const words = (...more: readonly string[]): readonly string[] => [
    ...['resolve', 'ord-8842', '2', '--as', 'confirmed', '--reason', 'settled by hand'],
    ...more,
  ];
  const resolve = (outside: Outside, ...more: readonly string[]): Promise<RecordedRun> =>
    tercet(words(...more), outside);
  const confirm = '--confirm=ord-8842/2';
  const told = { as: 'confirmed', reason: 'settled by hand', by: 'ann@ops' };

  test('needs --confirm where nobody can be asked, and says so before anything is done', async () => {
    const { client, asked } = recording();
    for (const outside of [{ client }, { client, typed: ['ord-8842/2'] }]) {
      const more = 'typed' in outside ? ['--no-input'] : [];
      expect(await resolve(outside, ...more)).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr:
          'tercet: this cannot be undone, and --confirm is missing\n' +
          'hint: add --confirm=ord-8842/2, or run it in a terminal without --no-input\n',
        loaded: [],
      });
    }
    expect(asked).toEqual([]);
  });

  test('goes on with --confirm, and nobody is asked', async () => {
    const { client, asked } = recording();
    const { exitCode, stdout, stderr } = await resolve({ client }, confirm);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout:
        'branch 2 of ord-8842 is resolved as confirmed\nord-8842 is confirming, 2 branches pending\n',
      stderr: 'Next: tercet resume ord-8842\n',
    });
    await resolve({ client, typed: [] }, confirm, '--no-input', '--by', 'bob');
    expect(asked).toEqual([
      ['resolve', 'ord-8842', '2', told],
      ['resolve', 'ord-8842', '2', { ...told, by: 'bob' }],
    ]);
  });

  test('refuses a --confirm that names something else', async () => {
    const { client, asked } = recording();
    expect(await resolve({ client }, '--confirm=ord-8842/1')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(
        '--confirm names "ord-8842/1", but this is about "ord-8842/2"',
      ),
      loaded: [],
    });
    expect(asked).toEqual([]);
  });

  test('asks at a terminal: the words that name the branch have to be typed', async () => {
    const { client, asked } = recording();
    const { exitCode, stderr } = await resolve({ client, typed: ['ord-8842/2'] });
    expect(stderr).toBe(
      'Branch 2 of ord-8842 (shop.StockTcc/reserve at 127.0.0.1:50051) will count as confirmed on your word.\n' +
        'It is never called again, its participant learns nothing, and nobody can undo it.\n' +
        'Type ord-8842/2 to go on: \n' +
        'Next: tercet resume ord-8842\n',
    );
    expect(exitCode).toBe(0);
    expect(asked).toEqual([['resolve', 'ord-8842', '2', told]]);
  });

  test.each(['y', 'ORD-8842/2', ''])('takes %p for no', async (typed) => {
    const { client, asked } = recording();
    expect(await resolve({ client, typed: [typed] })).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('that was not ord-8842/2: nothing was changed'),
    });
    expect(asked).toEqual([]);
  });

  test('is 130, with nothing changed, for whoever leaves', async () => {
    const { client, asked } = recording();
    expect(await resolve({ client, typed: [undefined] })).toMatchObject({
      exitCode: 130,
      stdout: '',
      stderr: expect.stringMatching(/Nothing was changed\.\n$/),
      closed: 1,
    });
    expect(asked).toEqual([]);
  });

  test('asks nothing about a branch that has ended', async () => {
    const ended = aTransaction({ branches: [anUnreachableBranch({ status: 'confirmed' })] });
    const { client, asked } = recording({ get: async () => ended });
    expect(await resolve({ client, typed: [] })).toMatchObject({
      exitCode: 0,
      stdout:
        'nothing to resolve: branch 2 of ord-8842 answered by itself\nord-8842 is confirming, every branch has ended\n',
    });
    expect(asked).toEqual([]);
  });

  test('asks nothing about what would be refused', async () => {
    const { client, asked } = recording();
    const against = ['resolve', 'ord-8842', '2', '--as', 'cancelled', '--reason', 'r'];
    expect(await tercet(against, { client, typed: ['ord-8842/2'] })).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('can be resolved as confirmed only'),
    });
    expect(asked).toEqual([]);
  });

  test('--dry-run needs no confirmation and asks for no change', async () => {
    const { client, asked } = recording();
    expect(await resolve({ client }, '-n')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('branch 2 of ord-8842 would be resolved as confirmed\n'),
    });
    const json = JSON.parse((await resolve({ client }, '-n', '--json')).stdout) as object;
    expect(json).toMatchObject({ verb: 'resolve', dryRun: true, changed: ['2'] });
    expect(asked).toEqual([]);
  });

  test('--json prints one object and no note', async () => {
    const { client } = recording();
    const { stdout, stderr } = await resolve({ client }, confirm, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ verb: 'resolve', dryRun: false, changed: ['2'] });
    expect(stderr).toBe('');
  });

  test.each([
    [['--as', 'confirmed'], "required option '--reason <text>' not specified"],
    [['--reason', 'r'], "required option '--as <end>' not specified"],
    [['--as', 'confirm', '--reason', 'r'], 'It must be one of confirmed, cancelled.'],
    [['--as', 'confirmed', '--reason', ' '], 'It must have 1 to 1024 characters and not be blank.'],
    [
      ['--as', 'confirmed', '--reason', 'r', '--by', 'x'.repeat(129)],
      'It must have 1 to 128 characters and not be blank.',
    ],
  ])('%j is 2', async (flags, message) => {
    expect(await tercet(['resolve', 'ord-1', '1', ...flags, '--confirm=ord-1/1'])).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(message),
      loaded: [],
    });
  });
});
