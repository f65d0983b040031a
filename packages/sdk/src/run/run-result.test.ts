import { describe, expect, it } from '@jest/globals';
import type { ResultCodec, ResultOption, TercetWarning, TransactionContext } from '@tercet/sdk';
import { Scenario, item, observe, shopIn } from '../../test/support/scenario';
import {
  aBranchView,
  aView,
  decided,
  lost,
  refused,
  told,
} from '../../test/support/scripted-coordinator';
import { jsonCodec } from '../result-codec';

/** A scenario that collects its warnings. */
function listening(): { s: Scenario; warnings: TercetWarning[] } {
  const warnings: TercetWarning[] = [];
  return { s: new Scenario({ onWarning: (warning) => warnings.push(warning) }), warnings };
}

/** A run of one Try that returns `value`. */
async function returning(s: Scenario, value: unknown): Promise<Uint8Array | undefined> {
  const run = await s.outcome(async (tx) => {
    await shopIn(tx).reserve(item);
    return value;
  });
  expect(run.error).toBeUndefined();
  expect(run.value).toMatchObject({ attached: false, status: 'confirmed' });
  expect(run.value?.value).toBe(value);
  return s.coordinator.requests('commit')[0]?.result;
}

/** A run of one Try that returns a text. */
async function bought(tx: TransactionContext): Promise<string> {
  return (await shopIn(tx).reserve(item)).reservationId;
}

/** Another run owns the gid, and its Commit carried `result`. */
function owned(s: Scenario, result: Uint8Array | undefined): Scenario {
  s.coordinator.onRegister = () => refused('ANOTHER_RUN', { status: 'confirmed' });
  s.coordinator.onWait = (request) => told(aView(), request.withResult ? result : undefined);
  return s;
}

describe('the value of a run', () => {
  it('leaves with Commit, and with every repetition of it', async () => {
    const { s, warnings } = listening();
    s.coordinator.onCommit = (_request, n) => (n === 1 ? lost() : decided('confirmed'));
    const bytes = await returning(s, { id: 7n });
    expect(jsonCodec.decode(bytes ?? new Uint8Array())).toEqual({ id: 7n });
    const [first, second] = s.coordinator.requests('commit');
    expect(second?.result).toBe(first?.result);
    expect(warnings).toEqual([]);
  });

  it('is not sent where it is undefined', async () => {
    const { s, warnings } = listening();
    expect(await returning(s, undefined)).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('is left out with a warning where it cannot be encoded', async () => {
    const { s, warnings } = listening();
    expect(await returning(s, { close: () => {} })).toBeUndefined();
    expect(warnings).toMatchObject([
      {
        code: 'RESULT_NOT_ENCODED',
        gid: 'order-1',
        runId: s.coordinator.requests('commit')[0]?.runId,
        message: expect.stringContaining('value.close is a function') as unknown,
        cause: expect.any(TypeError) as unknown,
      },
    ]);
  });

  it('is left out with a warning above 64 KiB, and kept up to there', async () => {
    // Two quotes go around the text.
    const fits = listening();
    expect(await returning(fits.s, 'x'.repeat(65_534))).toHaveLength(65_536);
    expect(fits.warnings).toEqual([]);
    const large = listening();
    expect(await returning(large.s, 'x'.repeat(65_535))).toBeUndefined();
    expect(large.warnings).toMatchObject([
      {
        code: 'RESULT_TOO_LARGE',
        message: expect.stringContaining('it takes 65537 bytes') as unknown,
      },
    ]);
  });

  it('is nobody’s error where the listener throws, or there is none', async () => {
    const throwing = new Scenario({
      onWarning: () => {
        throw new Error('log is full');
      },
    });
    expect(await returning(throwing, Symbol('s'))).toBeUndefined();
    expect(await returning(new Scenario(), Symbol('s'))).toBeUndefined();
  });
});

describe('an attached run', () => {
  it('gets the value of the run that did the work', async () => {
    const { s, warnings } = listening();
    const value = { id: 7n, at: new Date(5) };
    const run = await owned(s, jsonCodec.encode(value)).outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value).toMatchObject({ attached: true, value, status: 'confirmed' });
    expect(s.coordinator.requests('wait').every(({ withResult }) => withResult)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('gets it while Confirm goes on, too', async () => {
    const { s } = listening();
    s.coordinator.onRegister = () => refused('ANOTHER_RUN', { status: 'confirming' });
    const view = aView({ status: 'confirming', reached: 'decided', branches: [aBranchView()] });
    s.coordinator.onWait = (request) =>
      request.waitFor === 'decided' ? told(view, jsonCodec.encode('kept')) : lost();
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value).toMatchObject({ attached: true, status: 'confirming', value: 'kept' });
  });

  it('gets undefined, without a warning, where there is none', async () => {
    const { s, warnings } = listening();
    const run = await owned(s, undefined).outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value).toMatchObject({ attached: true, value: undefined });
    expect(warnings).toEqual([]);
  });

  it('gets undefined with a warning where the value cannot be read', async () => {
    const { s, warnings } = listening();
    const run = await owned(s, Buffer.from('{')).outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value).toMatchObject({ attached: true, value: undefined, status: 'confirmed' });
    expect(warnings).toMatchObject([{ code: 'RESULT_NOT_DECODED', gid: 'order-1' }]);
  });
});

describe('a codec of the run’s own', () => {
  const text: ResultCodec<string> = {
    encode: (value) => Buffer.from(value.toUpperCase()),
    decode: (bytes) => Buffer.from(bytes).toString().toLowerCase(),
  };

  it('encodes and decodes', async () => {
    const doing = new Scenario();
    const run = async (s: Scenario): Promise<unknown> => {
      const options = { name: 'checkout', gid: 'order-1', result: text };
      const observed = observe(
        s.tercet.run(options, async (tx) => {
          await shopIn(tx).reserve(item);
          return 'tea';
        }),
      );
      await s.time.advance(10_000);
      return observed.value?.value;
    };
    expect(await run(doing)).toBe('tea');
    const sent = doing.coordinator.requests('commit')[0]?.result;
    expect(sent).toEqual(Buffer.from('TEA'));
    expect(await run(owned(new Scenario(), sent))).toBe('tea');
  });

  it('that gives no bytes is a warning', async () => {
    const { s, warnings } = listening();
    const result = { encode: () => 'text', decode: () => '' } as unknown as ResultCodec<string>;
    const run = await s.outcome(bought, { result });
    expect(run.value).toMatchObject({ status: 'confirmed' });
    expect(warnings).toMatchObject([{ code: 'RESULT_NOT_ENCODED' }]);
  });

  it.each([null, {}, 'json', { encode: () => Buffer.alloc(0) }])(
    'must have both functions: %j',
    async (result) => {
      const s = new Scenario();
      const options = { result } as unknown as ResultOption<string>;
      const run = await s.outcome(bought, options);
      expect(run.error).toMatchObject({ code: 'CONFIG_INVALID', details: { option: 'result' } });
      expect(s.coordinator.asked).toEqual([]);
    },
  );
});
