/** Waiting with an end, on virtual time. */
import { ManualTime } from '@tercet/core/testing';
import { expect, test } from '@jest/globals';
import { within } from './within';

test('what comes in time is the answer, and no timer is left', async () => {
  const time = new ManualTime();
  const bound = { scheduler: time, ms: 100 };
  expect(await within(bound, Promise.resolve('here'))).toBe('here');
  await expect(within(bound, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(time.pending).toBe(0);
});

test('what comes too late is handed to `late`, and its error to nobody', async () => {
  const time = new ManualTime();
  const bound = { scheduler: time, ms: 100 };
  const late: string[] = [];
  let arrive: (value: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => {
    arrive = resolve;
  });
  const waiting = within(bound, slow, (value) => late.push(value));
  await time.advance(100);
  expect(await waiting).toBeUndefined();
  arrive('after all');
  await time.settle();
  expect(late).toEqual(['after all']);

  let fail: (error: Error) => void = () => undefined;
  const failing = new Promise<string>((_resolve, reject) => {
    fail = reject;
  });
  const given = within(bound, failing);
  await time.advance(100);
  expect(await given).toBeUndefined();
  fail(new Error('unheard'));
  await time.settle();
});
