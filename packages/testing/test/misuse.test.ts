/** What is wrong with a test, told so that it can be mended; and what a test leaves behind. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { addTcc, createTercet } from '@tercet/sdk';
import { type TestCoordinator, createTestCoordinator } from '../src';
import { Shelf, guarded } from './support/shelf';
import { stock } from './support/stock-service';

const book = { sku: 'book', quantity: 1 };
let env: TestCoordinator;
let shelf: Shelf;
let target = '';

beforeEach(async () => {
  env = await createTestCoordinator({ patience: '100ms' });
  shelf = new Shelf();
  ({ target } = await env.serve(stock, shelf.handlers));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await env.close({ allow: { unfinished: true } }).catch(() => undefined);
});

function buy(gid: string, to = target) {
  return env.tercet.run({ name: 'buy', gid }, (tx) => tx.use(stock, { target: to }).reserve(book));
}

describe('misuse is named:', () => {
  it.each([
    ['soon', /advance takes whole milliseconds or a text such as .*got "soon"/],
    [-1, /advance takes whole milliseconds.*got -1/],
    [0.5, /advance takes whole milliseconds.*got 0\.5/],
    ['9999999h', /at most a year/],
  ])('a duration %s', async (duration, text) => {
    await expect(env.advance(duration as '1s')).rejects.toThrow(text);
  });

  it('two at a time that move the clock', async () => {
    const first = env.advance('1s');
    await expect(env.advance('1s')).rejects.toThrow(/advance was called while advance is still/);
    await expect(env.expectSettled('a')).rejects.toThrow(/expectSettled was called while advance/);
    await first;
    await env.advance('1s');
  });

  it('a test coordinator that was closed', async () => {
    await env.close();
    await expect(env.advance('1s')).rejects.toThrow(/advance: this test coordinator was closed/);
    await expect(env.serve(stock, shelf.handlers)).rejects.toThrow(/serve: .*was closed/);
    expect(() => env.client()).toThrow(/client: .*was closed/);
  });

  it('options that do not exist', async () => {
    const wrong = { inProces: true } as object;
    await expect(createTestCoordinator(wrong)).rejects.toThrow(
      /inProces \(did you mean inProcess\?\)/,
    );
    await expect(env.expectSettled('a', { stauts: 'confirmed' } as object)).rejects.toThrow(
      /stauts/,
    );
  });

  it('faults that cannot be', () => {
    const { faults } = env;
    expect(() => faults.on(stock, 'reserv' as 'reserve')).toThrow(
      /shop\.StockTcc has no action reserv \(did you mean reserve\?\)/,
    );
    expect(() => faults.on(stock, 'reserve', 'commit' as 'try')).toThrow(
      /try, confirm, cancel, got commit/,
    );
    const script = faults.on(stock, 'reserve');
    expect(() => script.failTimes(0, status.INTERNAL)).toThrow(/failTimes takes a whole number/);
    expect(() => script.failTimes(1, status.OK)).toThrow(/other than OK/);
    expect(() => script.failTimes(1, 99)).toThrow(/a gRPC code/);
    expect(() => script.failTimes(1, status.INTERNAL, { verdict: 'park' })).toThrow(
      /comes with FAILED_PRECONDITION/,
    );
    expect(() => script.delay('x' as '1s')).toThrow(/delay takes whole milliseconds/);
  });

  it('fake timers of the test runner', async () => {
    jest.useFakeTimers();
    try {
      await expect(createTestCoordinator()).rejects.toThrow(/fake timers/);
      await expect(env.advance('1s')).rejects.toThrow(/jest\.useRealTimers/);
    } finally {
      jest.useRealTimers();
    }
  });

  it('a clock of its own for a served participant', async () => {
    const options = { clock: { now: () => 1 } } as object;
    await expect(env.serve(stock, shelf.handlers, options)).rejects.toThrow(/clock is the test/);
  });

  it('a port that is taken', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const port = Number(target.split(':')[1]);
    await expect(env.serve(stock, shelf.handlers, { port })).rejects.toThrow(
      /cannot listen on .*EADDRINUSE/,
    );
  });

  it('a run that waits for virtual time while nobody moves it', async () => {
    env.faults.on(stock, 'reserve', 'confirm').failTimes(1, status.INTERNAL);
    await expect(buy('a')).rejects.toThrow(
      /env\.tercet\.run waits for virtual time, and nobody moves it/,
    );
    await env.expectSettled('a', { status: 'confirmed' });
  });
});

describe('a participant of the test’s own server', () => {
  let server: Server;

  async function started(options: object): Promise<string> {
    server = new Server();
    addTcc(server, stock, shelf.handlers, options);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, found) =>
        error === null ? resolve(found) : reject(error),
      ),
    );
    return `127.0.0.1:${port}`;
  }
  afterEach(() => server.forceShutdown());

  it('is found out when it has a clock of its own', async () => {
    expect((await buy('a', await started({}))).status).toBe('confirmed');
    await expect(env.advance('1s')).rejects.toThrow(
      /answered a Try without looking at env\.clock.*addTcc \{ clock: env\.clock/,
    );
  });

  it('may have one where the test says so', async () => {
    await env.close();
    env = await createTestCoordinator({ foreignClocks: true });
    expect((await buy('a', await started({}))).status).toBe('confirmed');
    await env.advance('1s');
  });

  it('is right with the clock and timers of the test', async () => {
    const { clock, scheduler } = env;
    expect((await buy('a', await started({ clock, scheduler }))).status).toBe('confirmed');
    await env.advance('1h');
  });
});

describe('expectSettled', () => {
  it('tells the whole story of what does not settle', async () => {
    env.faults
      .on(stock, 'reserve', 'confirm')
      .failTimes(1_000, status.INTERNAL, { message: 'disk full' });
    const run = buy('a');
    const failure = env.expectSettled('a', { status: 'confirmed', within: '2m' });
    const text = await failure.then(
      () => '',
      (error: Error) => error.message,
    );
    expect((await run).status).toBe('confirming');
    expect(text).toMatch(
      /^expected a to be confirmed, after 2m of virtual time it is not:\na \(buy\) is confirming, decided 2m ago \(commit\)/,
    );
    expect(text).toMatch(
      /branch 1 shop\.StockTcc reserve at 127\.0\.0\.1:\d+: registered, .* \d+ calls of phase two/,
    );
    expect(text).toMatch(
      /stuck: retrying\n {4}last error: INTERNAL: disk full, \S+ ago\n {4}next attempt: in /,
    );
    expect(text).toMatch(/\+0ms try of reserve, branch 1, attempt 1: OK/);
    expect(text).toMatch(
      /confirm of reserve, branch 1, attempt 2: INTERNAL: disk full \[made to fail\]/,
    );
  });

  it('knows at once that the other way was decided', async () => {
    await env.until(buy('a'));
    const before = env.clock.now();
    await expect(env.expectSettled('a', { status: 'cancelled' })).rejects.toThrow(
      /expected a to be cancelled, (but the other way was decided|it is confirmed):\na \(buy\) is confirm/,
    );
    expect(env.clock.now() - before).toBeLessThan(1_000);
  });

  it('waits for no operator', async () => {
    const parked = { verdict: 'park', message: 'ask Ann' } as const;
    env.faults.on(stock, 'reserve', 'confirm').failTimes(1, status.FAILED_PRECONDITION, parked);
    const run = buy('a');
    await expect(env.expectSettled('a')).rejects.toThrow(
      /parked and goes on with an operator only:[^]*ask Ann/,
    );
    await env.advance('3s');
    expect((await run).status).toBe('confirming');
  });

  it('names a transaction that was never registered', async () => {
    await expect(env.expectSettled('nobody')).rejects.toThrow(
      /expected nobody to be settled, but the coordinator does not know it/,
    );
  });
});

describe('what is left behind', () => {
  it('is named: an unfinished transaction and its run', async () => {
    env.faults.on(stock, 'reserve', 'try').hang();
    const run = buy('a');
    const text =
      /left something behind:\n {2}unfinished transaction: a \(buy\) is trying\n {2}run that has not ended: buy a/;
    await expect(env.expectNoLeaks()).rejects.toThrow(text);
    const ended = expect(run).rejects.toThrow();
    await expect(env.close()).rejects.toThrow(text);
    await ended;
  });

  it('is named: a handler that has not returned', async () => {
    let go: () => void = () => undefined;
    shelf.hooks.try = () => new Promise((resolve) => (go = resolve));
    const run = buy('a');
    const ended = expect(env.until(run)).rejects.toThrow();
    await ended;
    await expect(env.close({ allow: { unfinished: true } })).rejects.toThrow(
      /handler that has not returned: try of shop\.StockTcc reserve, branch 1 of a, attempt 1/,
    );
    go();
  });

  it('is named: a timer on the virtual scheduler', async () => {
    env.scheduler.after(1_000_000, () => undefined);
    await expect(env.close()).rejects.toThrow(/timers still planned on env\.scheduler: 1/);
  });

  it('is nothing after a run that has ended', async () => {
    await buy('a');
    await env.expectNoLeaks();
    await env.close();
  });

  it('is told once: a second close is quiet', async () => {
    const run = buy('a');
    await run;
    await env.close();
    await env.close();
  });
});

describe('env.address', () => {
  it('serves clients of the wire, on the virtual clock as well', async () => {
    const { clock, scheduler, address } = env;
    const other = createTercet({ coordinator: address, clock, scheduler });
    await buy('a');
    expect((await other.get('a')).status).toMatch(/^confirm/);
    await env.until(other.close());
  });

  it('has further clients within the process', async () => {
    const seen: string[] = [];
    const client = env.client({
      interceptors: [
        {
          run: (info, next) => {
            seen.push(info.name);
            return next();
          },
        },
      ],
    });
    await client.run({ name: 'buy', gid: 'a' }, (tx) => tx.use(guarded, { target }).reserve(book));
    expect(seen).toEqual(['buy']);
  });
});
