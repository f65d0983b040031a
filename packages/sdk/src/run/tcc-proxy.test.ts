/** What `tx.use` and its actions are given by callers in plain JavaScript. */
import { describe, expect, it } from '@jest/globals';
import { Scenario, item, shop } from '../../test/support/scenario';
import { ShopTccService } from '../../test/support/shop-service';

describe('use', () => {
  const wrong: readonly [unknown, string][] = [
    [
      ShopTccService,
      'a generated service; name its actions first: defineTcc(service, { name: { try, confirm, cancel } })',
    ],
    [{}, 'an object'],
    [{ actions: {} }, 'an object'],
    [undefined, 'undefined'],
    [null, 'null'],
    ['shop.ShopTcc', 'a string'],
    [class ShopTccClient {}, 'a function'],
  ];
  it.each(wrong)('refuses %p: it was not made by defineTcc', async (given, shown) => {
    const s = new Scenario();
    const run = await s.outcome((tx) => void tx.use(given as typeof shop, { target: 'shop:1' }));
    expect(run.error).toMatchObject({
      cause: { name: 'ConfigError', message: `use takes what defineTcc made, got ${shown}` },
    });
    expect(s.coordinator.asked).toEqual([]);
  });

  it('takes a definition of another copy of this package', async () => {
    const s = new Scenario();
    const run = await s.outcome((tx) => void tx.use({ ...shop }, { target: 'shop:1' }));
    expect(run.value?.status).toBe('confirmed');
  });
});

describe('options of a Try', () => {
  const wrong: readonly [unknown, string][] = [
    [
      { deadlin: '1s' },
      'Try reserve: unknown deadlin (did you mean deadline?); known are signal, deadline',
    ],
    [null, 'Try reserve must be given an object of options, got null'],
    ['1s', 'Try reserve must be given an object of options, got a string'],
  ];
  it.each(wrong)('are refused before anything is sent: %j', async (given, message) => {
    const s = new Scenario();
    const options = given as { deadline: '1s' };
    const run = await s.outcome((tx) =>
      tx
        .use(shop, { target: 'shop:1' })
        .reserve(item, options)
        // Caught or not, the run fails (T2).
        .catch(() => undefined),
    );
    expect(run.error).toMatchObject({ cause: { name: 'ConfigError', message } });
    expect(s.coordinator.asked).toEqual([]);
  });
});
