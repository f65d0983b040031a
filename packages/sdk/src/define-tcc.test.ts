/** What JavaScript users learn at run time; the compiler's part is in test/types. */
import { describe, expect, it } from '@jest/globals';
import { ShopTccService, StreamingService } from '../test/support/shop-service';
import { defineTcc } from './define-tcc';
import { ConfigError } from './errors';

const reserve = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;
const charge = { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } as const;

/** Calls without the compiler's checks. */
function define(service: unknown, actions: unknown, options?: unknown): unknown {
  const untyped = defineTcc as (service: unknown, actions: unknown, options?: unknown) => unknown;
  return untyped(service, actions, options);
}

describe('defineTcc', () => {
  it('resolves the defaults', () => {
    const definition = defineTcc(ShopTccService, { reserve });
    expect(definition.serviceName).toBe('shop.ShopTcc');
    expect(definition.service).toBe(ShopTccService);
    expect(definition.actions.reserve).toMatchObject({
      name: 'reserve',
      methods: { try: { path: '/shop.ShopTcc/ReserveTry' } },
      deadlines: { tryMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
      retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
      stuckAfterMs: 300_000,
      stuckAttempts: 5,
      parkPermanentErrors: false,
      barrier: false,
    });
  });

  it('lets an action’s settings win over the definition’s, each on its own', () => {
    const { actions } = defineTcc(
      ShopTccService,
      {
        reserve: {
          ...reserve,
          deadlines: { try: '1s' },
          retry: { maxDelay: '2s' },
          stuckAttempts: 1_000,
          parkPermanentErrors: false,
          barrier: false,
        },
        charge,
      },
      {
        deadlines: { try: '3s', cancel: 700 },
        retry: { firstDelay: '50ms' },
        stuckAfter: '2s',
        stuckAttempts: 1,
        parkPermanentErrors: true,
        barrier: true,
      },
    );
    expect(actions.reserve).toMatchObject({
      deadlines: { tryMs: 1_000, confirmMs: 5_000, cancelMs: 700 },
      retry: { firstDelayMs: 50, maxDelayMs: 2_000 },
      stuckAfterMs: 2_000,
      stuckAttempts: 1_000,
      parkPermanentErrors: false,
      barrier: false,
    });
    expect(actions.charge).toMatchObject({
      deadlines: { tryMs: 3_000 },
      retry: { firstDelayMs: 50, maxDelayMs: 60_000 },
      barrier: true,
    });
  });

  it('raises the highest delay with the first where only the first is given', () => {
    const { actions } = defineTcc(ShopTccService, { reserve }, { retry: { firstDelay: '5m' } });
    expect(actions.reserve.retry).toEqual({ firstDelayMs: 300_000, maxDelayMs: 300_000 });
  });

  it('says what is wrong', () => {
    const wrong: readonly [unknown, unknown, RegExp][] = [
      [{}, undefined, /at least one action/],
      [
        { reserve: { ...reserve, try: 'reserveTri' } },
        undefined,
        /reserve: the service has no method reserveTri; it has reserveTry/,
      ],
      [{ reserve: { ...reserve, try: 'toString' } }, undefined, /no method toString/],
      [{ reserve: { ...reserve, try: 'watch' } }, undefined, /watch streams/],
      [
        { reserve: { ...reserve, cancel: 'reserveConfirm' } },
        undefined,
        /ReserveConfirm is named twice/,
      ],
      [{ reserve, again: reserve }, undefined, /named twice/],
      [{ 'a b': reserve }, undefined, /visible ASCII/],
      [{ reserve: { ...reserve, deadline: 1 } }, undefined, /action reserve: unknown deadline/],
      [{ reserve }, { timeout: 1 }, /options: unknown timeout/],
      [{ reserve }, { stuckafter: 1 }, /options: unknown stuckafter \(did you mean stuckAfter\?\)/],
      [{ reserve }, { deadlines: { tri: 1 } }, /unknown tri/],
      [{ reserve }, { deadlines: { try: 0 } }, /reserve.deadlines.try must be 1 to/],
      [{ reserve }, { stuckAfter: '5' }, /reserve.stuckAfter must be/],
      [
        { reserve: { ...reserve, barrier: 'yes' } },
        undefined,
        /^action reserve: barrier must be true or false, got "yes"$/,
      ],
      [{ reserve }, { barrier: 1 }, /^action reserve: barrier must be true or false, got 1$/],
      [
        { reserve },
        { parkPermanentErrors: {} },
        /^action reserve: parkPermanentErrors must be true or false, got an object$/,
      ],
      [
        { a: { try: 'reserveTry', confirm: 'reserveConfirm' } },
        undefined,
        /^action a: cancel is missing: name the method$/,
      ],
      [{ a: {} }, undefined, /^action a: try is missing: name the method$/],
      [{ reserve }, { stuckAttempts: 0 }, /reserve.stuckAttempts must be a whole number from 1/],
      [{ reserve }, { stuckAttempts: 1_001 }, /from 1 to 1000, got 1001/],
      [{ reserve: { ...reserve, stuckAttempts: 2.5 } }, undefined, /got 2.5/],
      [
        { reserve },
        { retry: { firstDelay: '2s', maxDelay: '1s' } },
        /firstDelay \(2000 ms\) is longer than maxDelay/,
      ],
    ];
    for (const [actions, options, message] of wrong) {
      expect(() => define(StreamingService, actions, options)).toThrow(ConfigError);
      expect(() => define(StreamingService, actions, options)).toThrow(message);
    }
  });

  it('refuses methods of two services', () => {
    const mixed = {
      ...ShopTccService,
      other: { ...ShopTccService.reserveCancel, path: '/bank.Bank/Cancel' },
    };
    expect(() => define(mixed, { reserve: { ...reserve, cancel: 'other' } })).toThrow(
      'one definition covers one service, got shop.ShopTcc and bank.Bank',
    );
  });
});
