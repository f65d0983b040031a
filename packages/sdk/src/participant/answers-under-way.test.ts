/** What drain waits for after the handlers; with real calls: test/grpc/add-tcc.test.ts. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { ManualTime } from '@tercet/core/testing';
import { observe } from '../../test/support/scenario';
import { AnswersUnderWay } from './answers-under-way';

function aCall(cancelled = false): ServerUnaryCall<unknown, unknown> {
  return Object.assign(new EventEmitter(), { cancelled }) as ServerUnaryCall<unknown, unknown>;
}

function someAnswers(): { readonly time: ManualTime; readonly answers: AnswersUnderWay } {
  const time = new ManualTime();
  return { time, answers: new AnswersUnderWay(time) };
}

describe('answers under way', () => {
  it('have left when each call has ended', async () => {
    const { time, answers } = someAnswers();
    const calls = [aCall(), aCall()];
    for (const call of calls) answers.add(call);
    const left = [observe(answers.left()), observe(answers.left())];
    await time.advance(500);
    calls[0]?.emit('cancelled');
    await time.settle();
    expect(left.map(({ ended }) => ended)).toEqual([false, false]);
    calls[1]?.emit('cancelled');
    await time.settle();
    expect(left.map(({ ended }) => ended)).toEqual([true, true]);
    expect(time.pending).toBe(0);
  });

  it('are not waited for where nobody takes them: the caller is gone', async () => {
    const { time, answers } = someAnswers();
    answers.add(aCall(true));
    const left = observe(answers.left());
    await time.settle();
    expect(left.ended).toBe(true);
  });

  it('hold nobody up for more than a second', async () => {
    const { time, answers } = someAnswers();
    answers.add(aCall());
    const left = observe(answers.left());
    await time.advance(999);
    expect(left.ended).toBe(false);
    await time.advance(1);
    expect(left.ended).toBe(true);
    expect(time.pending).toBe(0);
  });
});
