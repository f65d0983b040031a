/**
 * Holes that guards of participants are known to have, each with the test that shows ours to have none. Calls come over gRPC
 * through `addTcc`; the barriers are those that users install.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { describeWith } from '../../../test/support/servers/describe-with';
import { Stage } from '../src/conformance/stage';
import { type AnyCheckOptions, subjectOf } from '../src/conformance/subject';
import {
  type DatabaseParticipant,
  onMysql2,
  onRedis,
  onSqlite,
} from './support/database-participants';
import { requestOf } from './support/stock-books';
import { stock } from './support/stock-service';

const DAY_MS = 86_400_000;
const full = { free: 100, held: 0, sold: 0 };

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Where calls are made: as many processes of one participant as are asked for. */
async function staged<Db>(
  participant: DatabaseParticipant<Db>,
  more: { readonly handlers?: object; readonly cancelWhenTryUnknown?: 'call' } = {},
): Promise<Stage> {
  const { handlers, close, ...options } = participant;
  const { handlers: others = handlers, ...rest } = more;
  const given = { ...options, ...rest, requests: { reserve: requestOf } } as unknown;
  const subject = subjectOf(stock, others, given as AnyCheckOptions);
  const [on] = subject.actions;
  if (on === undefined) throw new Error('the definition has an action');
  const stage = new Stage(subject, on, undefined);
  opened.push(close, () => stage.end());
  await stage.begin();
  return stage;
}

const tea = (state: unknown): unknown => {
  const rows = Array.isArray(state) ? (state as { sku: string }[]) : [];
  const { sku: _sku, ...shelf } = rows.find(({ sku }) => sku === 'tea') ?? { sku: '' };
  return shelf;
};

describe('on SQLite', () => {
  test('F1 cleaning forgets branches, not runs: a sibling that only tried is given back later', async () => {
    const time = new ManualTime();
    const participant = await onSqlite(':memory:', { clock: time });
    const stage = await staged(participant);
    const run = stage.run();
    const [ended, waiting] = [stage.branch({ run }), stage.branch({ run, id: '2' })];
    await ended.done('try');
    await waiting.done('try');
    await ended.done('cancel');
    await time.advance(31 * DAY_MS);
    expect(await participant.barrier.cleanUp()).toBeGreaterThan(0);
    await waiting.done('cancel');
    expect(tea(await stage.state())).toEqual(full);
  });

  test('F2 a late Try that was refused is refused again, and a repeated Try keeps the mark of the first', async () => {
    const stage = await staged(await onSqlite(':memory:'));
    const cancelled = stage.branch();
    await cancelled.done('cancel');
    for (const nth of ['first', 'second', 'third']) await cancelled.refused('try', nth);
    expect(tea(await stage.state())).toEqual(full);
    const repeated = stage.branch();
    await repeated.done('try');
    await repeated.done('try');
    await repeated.done('try');
    await repeated.done('cancel');
    expect(tea(await stage.state())).toEqual(full);
  });

  test('F3 a Try that failed half-way reaches the handler of Cancel where it is told to', async () => {
    const elsewhere = new Set<string>();
    const observed: boolean[] = [];
    const handlers = {
      reserve: {
        try: (_request: unknown, ctx: { branchId: string }) => {
          elsewhere.add(ctx.branchId);
          throw new Error('the other half failed');
        },
        confirm: () => {},
        cancel: (_request: unknown, ctx: { branchId: string; tryObserved: boolean }) => {
          elsewhere.delete(ctx.branchId);
          observed.push(ctx.tryObserved);
        },
      },
    };
    const participant = await onSqlite(':memory:');
    const stage = await staged(participant, { handlers, cancelWhenTryUnknown: 'call' });
    const branch = stage.branch();
    await branch.refused('try', 'a Try that threw');
    expect(elsewhere.size).toBe(1);
    await branch.done('cancel');
    expect(elsewhere.size).toBe(0);
    expect(observed).toEqual([false]);
    await branch.refused('try', 'a late Try');
  });

  test('F5 the guard hangs on the call, not on a process: another one knows the branch, and a call without its ids is refused', async () => {
    const participant = await onSqlite(':memory:');
    const here = await staged(participant);
    const run = here.run();
    const branch = here.branch({ run });
    await branch.done('try');
    await here.restart();
    await branch.done('try');
    await branch.done('confirm');
    await here.restart();
    await branch.done('confirm');
    expect(tea(await here.state())).toEqual({ free: 99, held: 0, sold: 1 });
    const nameless = here.branch({ run: { label: 'nobody', gid: '', runId: '' } });
    const { message } = await nameless.refused('try', 'a call of nobody');
    expect(message).toContain('gid');
    expect(tea(await here.state())).toEqual({ free: 99, held: 0, sold: 1 });
  });

  test('the handler is not called where the guard says that there is nothing to do, and its row is committed with the work', async () => {
    const participant = await onSqlite(':memory:');
    const called: string[] = [];
    const { reserve } = participant.handlers;
    const handlers = {
      reserve: Object.fromEntries(
        (['try', 'confirm', 'cancel'] as const).map((phase) => [
          phase,
          (...args: [never, never]) => {
            called.push(phase);
            return reserve[phase](...args);
          },
        ]),
      ),
    };
    const stage = await staged(participant, { handlers });
    const branch = stage.branch();
    await branch.faulty('try', { kind: 'crash', at: 'before-commit' });
    expect(tea(await stage.state())).toEqual(full);
    await branch.done('try');
    await branch.done('try');
    await branch.faulty('confirm', { kind: 'crash', at: 'after-commit' });
    await branch.done('confirm');
    await branch.refused('cancel', 'a contradiction');
    const empty = stage.branch();
    await empty.done('cancel');
    await empty.refused('try', 'a late Try');
    expect(called).toEqual(['try', 'try', 'confirm']);
  });
});

describeWith('mariadb', (server) => {
  test('F4 at REPEATABLE READ empty Cancels and their late Tries deadlock for no caller', async () => {
    const { url } = await server.freshDatabase();
    const stage = await staged(await onMysql2(url));
    for (let round = 0; round < 10; round += 1) {
      const branches = Array.from({ length: 8 }, () => stage.branch());
      const answers = await Promise.all(
        branches.flatMap((branch) => [branch.call('cancel'), branch.call('try')]),
      );
      const cancels = answers.filter((_answer, i) => i % 2 === 0);
      expect(cancels.filter(({ ok }) => !ok).map(({ text }) => text)).toEqual([]);
      // ABORTED is what a late Try is answered.
      const tries = answers.filter(({ ok }, i) => i % 2 === 1 && !ok);
      expect(tries.filter(({ code }) => code !== 10).map(({ text }) => text)).toEqual([]);
    }
    expect(tea(await stage.state())).toEqual(full);
  });
});

describeWith('redis', (server) => {
  test('F6 a participant that keeps its reservations in Redis has the same guard', async () => {
    const { url } = await server.freshDatabase();
    const stage = await staged(await onRedis(url));
    const branch = stage.branch();
    await branch.done('try');
    await branch.done('try');
    await branch.done('cancel');
    await branch.done('cancel');
    await branch.refused('try', 'a late Try');
    await branch.refused('confirm', 'a contradiction');
    const empty = stage.branch();
    await empty.done('cancel');
    for (const nth of ['first', 'second', 'third']) await empty.refused('try', nth);
    expect(await stage.state()).toMatchObject({ tea: { free: '100', held: '0', sold: '0' } });
  });
});
