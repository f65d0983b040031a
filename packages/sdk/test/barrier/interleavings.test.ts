/**
 * Random calls of one branch with random faults, against a model of the rules. What fails is printed with its seed and can be
 * replayed with it.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BarrierCall, BarrierEnd, BarrierWork } from '../../src/barrier/barrier';
import { BarrierError } from '../../src/errors';
import { TccRetry } from '../../src/participant/verdicts';
import { type MemoryBarrier, branchCall, bytes, memoryBarrier, textOf } from './memory-barrier';
import { type Fault, type MemoryDb, MemoryError, memoryDialect } from './memory-database';

type Phase = BarrierCall['phase'];
/** What happens at one step of a call's transactions. */
type Mishap = 'none' | 'deadlock' | 'statement fails' | 'COMMIT fails' | 'COMMIT lost' | 'throws';

interface Step {
  readonly phase: Phase;
  readonly mishap: Mishap;
  /** At which step of the transaction. */
  readonly at: number;
  readonly startsAtMs: number;
  readonly workMs: number;
}

const steps = fc.array(
  fc.record<Step>({
    phase: fc.constantFrom('try', 'confirm', 'cancel'),
    mishap: fc.oneof(
      { weight: 4, arbitrary: fc.constant<Mishap>('none') },
      fc.constantFrom<Mishap>(
        'deadlock',
        'statement fails',
        'COMMIT fails',
        'COMMIT lost',
        'throws',
      ),
    ),
    at: fc.nat({ max: 4 }),
    startsAtMs: fc.nat({ max: 40 }),
    workMs: fc.nat({ max: 15 }),
  }),
  { minLength: 1, maxLength: 8 },
);
const setups = fc.record({ takeEnd: fc.boolean(), takeBoth: fc.boolean(), call: fc.boolean() });

/** How a call ended, in a word. */
type Outcome = BarrierEnd['kind'] | 'unknown' | 'locked' | 'thrown';

interface Carried {
  readonly outcome: Outcome;
  readonly reply: string | undefined;
}

const failure = new Error('the handler failed');

async function carry(it: MemoryBarrier, step: Step, options: { id: number; call: boolean }) {
  const { phase } = step;
  const name = `${phase} ${options.id}`;
  const call = branchCall({ phase, cancelWhenTryUnknown: options.call ? 'call' : 'skip' });
  const work: BarrierWork<MemoryDb> = async ({ db, tried }) => {
    if (step.workMs > 0) {
      await new Promise<void>((resolve) => void it.time.after(step.workMs, resolve));
    }
    if (step.mishap === 'throws') throw failure;
    db.effect(tried === undefined && phase === 'cancel' ? `${name} alone` : name);
    return { reply: bytes(name), note: undefined };
  };
  return it.barrier.carryOut(call, work).then(
    (end): Carried => ({
      outcome: end.kind,
      reply: 'reply' in end ? textOf(end.reply) : undefined,
    }),
    (error: unknown): Carried => ({ outcome: outcomeOf(error), reply: undefined }),
  );
}

function outcomeOf(error: unknown): Outcome {
  if (error === failure) return 'thrown';
  if (error instanceof TccRetry) return 'locked';
  expect(error).toBeInstanceOf(BarrierError);
  return 'unknown';
}

/** A fault for the first transaction that reaches it. */
function faultOf({ mishap, at }: Step): (step: string) => Fault | undefined {
  let seen = 0;
  let isOver = false;
  const once = (fault: Fault): Fault => {
    isOver = true;
    return fault;
  };
  return (step) => {
    if (isOver || step.startsWith('handler')) return undefined;
    seen += 1;
    if (mishap === 'COMMIT fails' && step === 'commit') return once({ error: new Error('full') });
    if (mishap === 'COMMIT lost' && step === 'commit')
      return once({ error: new Error('lost'), lost: true });
    if (seen <= at) return undefined;
    if (mishap === 'deadlock') return once({ error: new MemoryError('restart') });
    if (mishap === 'statement fails' && step !== 'commit')
      return once({ error: new Error('gone') });
    return undefined;
  };
}

/** The rules once more, as a table of what has been committed. */
class Model {
  tried: string | undefined;
  ended: { readonly phase: Phase; readonly reply: string } | undefined;
  marked = false;

  constructor(private readonly call: boolean) {}

  /** What a call that is not disturbed comes to. */
  expected(phase: Phase): { readonly outcome: Outcome; readonly runs: boolean; reply?: string } {
    if (phase === 'try') {
      if (this.marked || this.ended?.phase === 'cancel') return { outcome: 'late', runs: false };
      if (this.tried === undefined) return { outcome: 'done', runs: true };
      return { outcome: 'duplicate', runs: false, reply: this.tried };
    }
    if (this.ended?.phase === phase) {
      return { outcome: 'duplicate', runs: false, reply: this.ended.reply };
    }
    if (this.ended !== undefined) return { outcome: 'conflict', runs: false };
    if (this.tried !== undefined) return { outcome: 'done', runs: true };
    if (phase === 'confirm') return { outcome: 'conflict', runs: false };
    return this.call ? { outcome: 'done', runs: true } : { outcome: 'empty', runs: false };
  }

  commit(phase: Phase, reply: string): void {
    if (phase === 'try') this.tried = reply;
    else this.ended = { phase, reply };
    if (phase === 'cancel' && this.tried === undefined) this.marked = true;
  }
}

/** What a disturbed call comes to, and whether it took effect. */
function disturbed(
  expected: { readonly outcome: Outcome; readonly runs: boolean },
  carried: Carried,
  mishap: Mishap,
): boolean {
  const writes = expected.runs || expected.outcome === 'empty';
  if (carried.outcome === expected.outcome) return writes;
  expect(carried.outcome).toBe(mishap === 'throws' ? 'thrown' : 'unknown');
  return mishap === 'COMMIT lost' && writes;
}

describe('one call after another', () => {
  test('each ends as the table says, or as its mishap does', async () => {
    await fc.assert(
      fc.asyncProperty(setups, steps, async ({ call, ...speech }, calls) => {
        const it = memoryBarrier({}, memoryDialect(speech));
        const model = new Model(call);
        for (const [id, step] of calls.entries()) {
          const expected = model.expected(step.phase);
          it.database.fault = faultOf(step);
          const promise = carry(it, step, { id, call });
          await it.time.advance(2_000);
          const carried = await promise;
          if (disturbed(expected, carried, step.mishap)) {
            model.commit(step.phase, expected.runs ? `${step.phase} ${id}` : '');
          }
          // R3: a deadlock never reaches the caller.
          if (step.mishap === 'none' || step.mishap === 'deadlock') {
            expect(carried.outcome).toBe(expected.outcome);
            if (expected.reply !== undefined) expect(carried.reply).toBe(expected.reply);
          }
        }
        expectClean(it);
      }),
      { numRuns: 150 },
    );
  });
});

describe('calls side by side', () => {
  test('keep the laws, whatever happens to each', async () => {
    await fc.assert(
      fc.asyncProperty(setups, steps, async ({ call, ...speech }, calls) => {
        const it = memoryBarrier({}, memoryDialect(speech));
        const faults = calls.map(faultOf);
        // Steps of all calls come through one hook: each mishap strikes whichever transaction is there.
        it.database.fault = (name) => {
          for (const fault of faults) {
            const found = fault(name);
            if (found !== undefined) return found;
          }
          return undefined;
        };
        const running = calls.map(async (step, id) => {
          await new Promise<void>((resolve) => void it.time.after(step.startsAtMs, resolve));
          return carry(it, step, { id, call });
        });
        await it.time.advance(30_000);
        const carried = await Promise.all(running);
        expectLaws(it.database.effects, calls, carried);
        expectClean(it);
      }),
      { numRuns: 150 },
    );
  });
});

function expectLaws(
  effects: readonly string[],
  calls: readonly Step[],
  carried: readonly Carried[],
): void {
  const of = (phase: Phase): readonly string[] => effects.filter((each) => each.startsWith(phase));
  // B1, B2: each at most once, and never both of phase two.
  expect(of('try').length).toBeLessThanOrEqual(1);
  expect(of('confirm').length + of('cancel').length).toBeLessThanOrEqual(1);
  // B1, B3: a Try comes first or not at all; only a Cancel goes without.
  if (of('try').length === 1) expect(effects[0]).toMatch(/^try/);
  if (of('confirm').length === 1) expect(effects[0]).toMatch(/^try/);
  const [cancel] = of('cancel');
  if (cancel !== undefined) expect(cancel.endsWith('alone')).toBe(of('try').length === 0);
  for (const [id, each] of carried.entries()) {
    const phase = calls[id]?.phase ?? 'try';
    expectHonest(each, { name: `${phase} ${id}`, effect: of(phase)[0]?.replace(' alone', '') });
    if (each.outcome === 'empty' || each.outcome === 'late') expect(of('confirm')).toEqual([]);
  }
}

/** E2: OK means that it is committed, and every OK of a phase says the same. */
function expectHonest(
  { outcome, reply }: Carried,
  own: { readonly name: string; readonly effect: string | undefined },
): void {
  if (outcome === 'done') expect(own.effect).toBe(own.name);
  if (outcome === 'duplicate') expect(reply).toBe(own.effect ?? '');
  if (outcome === 'thrown') expect(own.effect).not.toBe(own.name);
}

/** Nothing is open, nothing is locked, no timer is left, and every committed row was finished or is a marker. */
function expectClean({ database, time }: MemoryBarrier): void {
  expect([database.openCount, database.locks.size, time.pending]).toEqual([0, 0, 0]);
  for (const [key, row] of database.rows) {
    const isMarker = key.endsWith(' try') && row.op === 'cancel';
    expect(row.reply === null).toBe(isMarker);
    expect(row.attempt).toBeGreaterThan(0);
  }
}
