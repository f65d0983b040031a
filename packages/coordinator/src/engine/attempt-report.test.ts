import { describe, expect, it } from '@jest/globals';
import { EngineWorld, branches } from '../../test/support/engine-world';
import { failed } from '../../test/support/scripted-caller';

describe('a stuck branch in the log', () => {
  it.each([
    ['conflict', 'barrier', 'P0'],
    ['park', 'parked', undefined],
  ])('with the verdict %s has the reason %s and the alert %s', async (verdict, reason, alert) => {
    const world = new EngineWorld();
    await world.start();
    await world.open('order-1', branches('1'));
    world.caller.always('1', failed('FAILED_PRECONDITION', 'two truths', { verdict }));
    await world.done(world.commit('order-1', '1'));
    const [told, ...more] = world.logger.lines.filter(({ level }) => level === 'warn');
    expect(more).toEqual([]);
    expect(told?.message).toBe('branch is stuck; it is parked until an operator acts');
    expect(told?.fields).toMatchObject({ branch: '1', reason, message: 'two truths' });
    expect(told?.fields['alert']).toBe(alert);
  });
});
