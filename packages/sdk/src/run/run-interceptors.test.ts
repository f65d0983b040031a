import { describe, expect, it } from '@jest/globals';
import type { RunInfo, RunOptions, RunResult, TercetInterceptor } from '@tercet/sdk';
import { type Observed, Scenario, item, shopIn } from '../../test/support/scenario';
import { decided, rejecting } from '../../test/support/scripted-coordinator';

const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

/** A scenario with these `run` hooks, the outermost first. */
function around(...hooks: Required<TercetInterceptor>['run'][]): Scenario {
  return new Scenario({ interceptors: hooks.map((run) => ({ run })) });
}

function reserving(
  s: Scenario,
  options: Partial<RunOptions> = {},
): Promise<Observed<RunResult<string>>> {
  return s.outcome(async (tx) => (await shopIn(tx).reserve(item)).reservationId, options);
}

describe('run interceptors', () => {
  it('stand around the run, the first one outermost, and see what it is', async () => {
    const seen: string[] = [];
    const infos: RunInfo[] = [];
    const named =
      (name: string): Required<TercetInterceptor>['run'] =>
      async (info, next) => {
        infos.push(info);
        seen.push(`${name} in`);
        const result = await next();
        seen.push(`${name} ${result.status}`);
      };
    const s = around(named('a'), named('b'));
    const options = { labels: { invoice: '7' }, phaseTwoOrder: 'reverse', timeout: '3s' } as const;
    const run = await reserving(s, options);
    expect(run.value).toMatchObject({ value: 'r1', status: 'confirmed' });
    expect(seen).toEqual(['a in', 'b in', 'b confirmed', 'a confirmed']);
    expect(infos[0]).toEqual({
      name: 'checkout',
      gid: 'order-1',
      runId: run.value?.runId,
      timeoutMs: 3_000,
      phaseTwoWaitMs: 2_000,
      phaseTwoOrder: 'reverse',
      labels: { invoice: '7' },
      traceparent: undefined,
      tracestate: undefined,
    });
    expect(s.time.pending).toBe(0);
  });

  it('are bound to their object, and may leave the hook out', async () => {
    class Counting implements TercetInterceptor {
      count = 0;
      async run(_info: RunInfo, next: () => Promise<RunResult<unknown>>): Promise<void> {
        this.count += 1;
        await next();
      }
    }
    const counting = new Counting();
    const s = new Scenario({ interceptors: [{ try: (_call, next) => next() }, counting] });
    expect((await reserving(s)).value?.status).toBe('confirmed');
    expect(counting.count).toBe(1);
  });

  it('see the error of a run, and change nothing by swallowing it', async () => {
    const errors: unknown[] = [];
    const swallowing: Required<TercetInterceptor>['run'] = async (_info, next) => {
      await next().catch((error: unknown) => errors.push(error));
    };
    const s = around(swallowing, swallowing);
    s.caller.onCall = () => rejecting();
    const run = await reserving(s);
    expect(run.error).toMatchObject({ name: 'TransactionCancelledError' });
    expect(errors).toEqual([run.error, run.error]);
  });

  it('that throw before next keep the run from starting', async () => {
    const s = around(() => Promise.reject(new Error('no budget')));
    const run = await reserving(s);
    expect(run.error).toMatchObject({ message: 'no budget' });
    expect(s.coordinator.asked).toEqual([]);
    const sync = around(() => {
      throw new Error('at once');
    });
    expect((await reserving(sync)).error).toMatchObject({ message: 'at once' });
  });

  it('that throw after it make run reject, and the transaction stays committed', async () => {
    const s = around(async (_info, next) => {
      await next();
      throw new Error('exporter is down');
    });
    const run = await reserving(s);
    expect(run.error).toMatchObject({ message: 'exporter is down' });
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
  });

  it('that throw while it runs do not let run settle before the transaction has ended', async () => {
    const s = around((_info, next) => {
      void next();
      return Promise.reject(new Error('impatient'));
    });
    s.coordinator.onCommit = async () => {
      await new Promise<void>((resolve) => s.time.after(500, resolve));
      return decided('confirmed');
    };
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.advance(499);
    expect(run.ended).toBe(false);
    await s.time.advance(10);
    expect(run.error).toMatchObject({ message: 'impatient' });
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
  });

  it('K1: call next once: a second call rejects and starts nothing', async () => {
    const errors: unknown[] = [];
    const s = around(async (_info, next) => {
      await next();
      await next().catch((error: unknown) => errors.push(error));
    });
    expect((await reserving(s)).value?.status).toBe('confirmed');
    expect(errors).toMatchObject([
      { code: 'CONFIG_INVALID', message: 'next of a run interceptor was called twice' },
    ]);
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
  });

  it('have to call next, and K2: not after they have ended', async () => {
    let late: () => Promise<unknown> = () => Promise.resolve();
    const s = around((_info, next) => {
      late = next;
      return Promise.resolve();
    });
    const run = await reserving(s);
    expect(run.error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'a run interceptor returned without having called next',
    });
    await expect(late()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(s.coordinator.asked).toEqual([]);
  });

  it('need not await next', async () => {
    const s = around((_info, next) => Promise.resolve(void next()));
    expect((await reserving(s)).value?.status).toBe('confirmed');
  });

  it('may give a run its trace context, where it has none', async () => {
    const given: (string | undefined)[] = [];
    const s = around(
      (_info, next) => next({ traceparent, tracestate: 'x=y' }),
      (info, next) => {
        given.push(info.traceparent, info.tracestate);
        return next({ traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` });
      },
    );
    await reserving(s);
    expect(given).toEqual([traceparent, 'x=y']);
    const trace = { traceparent, tracestate: 'x=y' };
    expect(s.coordinator.requests('register')[0]?.opening?.trace).toEqual(trace);
    expect(s.caller.calls[0]?.metadata).toMatchObject(trace);
  });

  it.each([{ traceparent: 'nonsense' }, { traceParent: traceparent }])(
    'may add nothing else: %j',
    async (additions) => {
      const s = around((_info, next) => next(additions));
      expect((await reserving(s)).error).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(s.coordinator.asked).toEqual([]);
    },
  );

  it('are not asked about options that are wrong', async () => {
    let asked = 0;
    const s = around((_info, next) => {
      asked += 1;
      return next();
    });
    expect((await reserving(s, { name: '' })).error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(asked).toBe(0);
  });

  it.each([[{ runs: () => {} }], [{ run: 'yes' }], 'log', [null]])(
    'are checked: %j',
    (interceptors) => {
      const options = { interceptors } as unknown as { interceptors: [] };
      expect(() => new Scenario(options)).toThrow(/interceptor/);
    },
  );
});
