/** What an answer of the script, or none, means for the call. */
import { BarrierError, textOfCause } from '../errors';
import { TccReject, TccRetry } from '../participant/verdicts';
import type { BarrierCall, BarrierEnd } from './barrier';
import type { ScriptAnswer } from './redis-answer';
import { wayOut } from './redis-failures';
import type { CheckedPlan } from './redis-plan';
import { type RedisScript, withOwnLines } from './redis-script';
import type { Sent } from './redis-send';
import { detailsOf } from './restarts';
import { handlerOf, labelOf } from './rules';

/** What `apply` rejects with where the call has ended without its work. The SDK answers for it. */
export class EndedCall extends Error {
  override readonly name = 'EndedCall';

  constructor(end: BarrierEnd) {
    super(`${textOfEnd(end)}: the call ends here, let this error pass`);
  }
}

function textOfEnd(end: BarrierEnd): string {
  switch (end.kind) {
    case 'late':
      return 'this Try came after the Cancel of its branch';
    case 'empty':
      return 'this Cancel has nothing to undo, no Try of its branch was observed';
    case 'conflict':
      return end.message;
    case 'done':
    case 'duplicate':
      return 'this call is done';
  }
}

/** An answer that does no work. */
type WithoutWork = Exclude<ScriptAnswer, { kind: 'done' | 'duplicate' }>;

/** The end that an answer is; undefined = it is an error. */
export function endOf(
  call: BarrierCall,
  answer: WithoutWork,
  { row }: CheckedPlan,
): BarrierEnd | undefined {
  switch (answer.kind) {
    case 'empty':
    case 'late':
      return { kind: answer.kind };
    case 'conflict':
      return {
        kind: 'conflict',
        message: `${labelOf(call)} found ${textOfFound(answer.found, row)}`,
      };
    case 'half':
      // A Try is no verdict on the branch: its caller cancels, and the Cancel is what finds the contradiction.
      return call.phase === 'try'
        ? undefined
        : { kind: 'conflict', message: `${labelOf(call)} found ${textOfHalf(answer, row)}` };
    case 'failed':
    case 'refused':
    case 'check-failed':
    case 'not-written':
      return undefined;
  }
}

function textOfFound(found: string, row: string): string {
  if (found === 'none') {
    return (
      `nothing of its Try at ${row}: it was never tried here, its row has expired, this is another Redis than the ` +
      'Try’s, or its handler derives another tag than the Try’s'
    );
  }
  return `that the branch has ended with ${found === 'confirm' ? 'Confirm' : 'Cancel'} before`;
}

function textOfHalf({ slot, text }: { slot: string; text: string }, row: string): string {
  return (
    `at ${row} that the work of slot ${slot} failed half-way (${text}): what it wrote before that is there. Mend the ` +
    `data by hand, then say so with HDEL ${row} ${slot}.half`
  );
}

/** The error that an answer is. */
export function errorOf(
  call: BarrierCall,
  answer: WithoutWork,
  { row, script }: { readonly row: string; readonly script: RedisScript },
): Error {
  switch (answer.kind) {
    case 'refused':
      if (call.phase === 'try') return new TccReject(answer.text);
      return failed(
        call,
        `${handlerOf(call)}: check refused with "${answer.text}", but a Confirm or Cancel cannot be refused; nothing was written`,
      );
    case 'check-failed': {
      const text = withOwnLines(answer.text, script);
      return failed(call, `${handlerOf(call)}: check failed: ${text}; nothing was written`);
    }
    case 'not-written':
      return new TccRetry({ reason: `barrier: Redis takes no writes now: ${answer.text}` });
    case 'failed': {
      const half = {
        slot: call.phase === 'try' ? 'try' : 'end',
        text: withOwnLines(answer.text, script),
      };
      return failed(
        call,
        `${handlerOf(call)}: apply failed, so the barrier keeps ${textOfHalf(half, row)}`,
      );
    }
    case 'half':
      return failed(call, `${labelOf(call)} found ${textOfHalf(answer, row)}`);
    case 'conflict':
    case 'empty':
    case 'late':
      return failed(call, `${labelOf(call)} ended with ${answer.kind}`);
  }
}

/** The script was not answered. */
export function notSentOk(
  call: BarrierCall,
  sent: Exclude<Sent, { kind: 'answered' }>,
  script: RedisScript,
): Error {
  const text = withOwnLines(textOfCause(sent.error), script);
  const { error: cause } = sent;
  switch (sent.kind) {
    case 'not-begun':
      return new TccRetry({ reason: `barrier: Redis takes no work now: ${text}` });
    case 'refused':
      return failed(
        call,
        `${handlerOf(call)}: the script was not begun, nothing was written: ${text}${wayOut(cause)}`,
        cause,
      );
    case 'unknown':
      return failed(
        call,
        `${labelOf(call)} may or may not have been carried out, Redis gave no answer: ${text}`,
        cause,
      );
  }
}

/** Something answered that does not run scripts. */
export function unreadable(call: BarrierCall, answer: unknown): BarrierError {
  const what = Buffer.isBuffer(answer) ? `"${answer.toString().slice(0, 100)}"` : typeof answer;
  return failed(
    call,
    `${labelOf(call)} may or may not have been carried out, Redis answered ${what} instead of the script’s answer; give ` +
      'redisBarrier a client of its own, which is in no MULTI',
  );
}

/** The work is done, but the call cannot be answered with OK. */
export function appliedBut(call: BarrierCall, what: string, cause?: unknown): BarrierError {
  return failed(
    call,
    `${handlerOf(call)} has done its work in Redis, but it ${what}; so its caller is told that nobody knows`,
    cause,
  );
}

function failed(call: BarrierCall, message: string, cause?: unknown): BarrierError {
  return new BarrierError(message, { details: detailsOf(call), cause });
}
