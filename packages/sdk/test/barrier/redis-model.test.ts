/**
 * Random interleavings of a branch's calls at a real Redis keep the barrier's laws. `REDIS_MODEL_RUNS` and
 * `REDIS_MODEL_SEED` choose others: `REDIS_MODEL_RUNS=10000 npx jest redis-model`.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { describeWith } from '../../../../test/support/servers/describe-with';
import type { BarrierEnd } from '../../src/barrier/barrier';
import { redisBarrier } from '../../src/barrier/redis';
import { Branch } from './support/redis-branch';
import { Shelf } from './support/redis-shelf';

const runs = Number(process.env['REDIS_MODEL_RUNS'] ?? 500);
const seed = Number(process.env['REDIS_MODEL_SEED'] ?? 20_260_101);

const phases = ['try', 'confirm', 'cancel'] as const;
type Phase = (typeof phases)[number];

/** One call: when it comes, and what goes wrong around it. */
interface Step {
  readonly phase: Phase;
  /** Calls of the same round are under way at the same time. */
  readonly round: number;
  /** The answer is lost after the work: the handler throws after apply. */
  readonly lost: boolean;
  readonly more: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  phase: fc.constantFrom(...phases),
  round: fc.integer({ min: 0, max: 4 }),
  lost: fc.boolean(),
  more: fc.boolean(),
});

type Told = BarrierEnd['kind'] | 'unknown' | 'error';

/** What a call may be told after those before it: the barrier's table, once more. */
class Model {
  private tried = false;
  private ended: Phase | undefined;
  readonly done: Phase[] = [];

  next(phase: Phase, cancelUnknown: 'skip' | 'call'): Told {
    if (phase === 'try') return this.nextTry();
    if (this.ended !== undefined) return this.ended === phase ? 'duplicate' : 'conflict';
    if (!this.tried && phase === 'confirm') return 'conflict';
    this.ended = phase;
    if (!this.tried && cancelUnknown === 'skip') return 'empty';
    this.done.push(phase);
    return 'done';
  }

  get hasEnded(): boolean {
    return this.ended !== undefined;
  }

  private nextTry(): Told {
    if (this.ended === 'cancel') return 'late';
    if (this.tried) return 'duplicate';
    this.tried = true;
    this.done.push('try');
    return 'done';
  }
}

describe('random interleavings', () => {
  describeWith('redis', (server) => {
    let client: Redis;
    beforeAll(async () => {
      client = new Redis((await server.freshDatabase()).url);
    });
    afterAll(() => client.disconnect());

    test('end as the table says, in the order in which Redis took them, and each work is done once', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 14 }),
          fc.constantFrom('skip' as const, 'call' as const),
          async (steps, cancelUnknown) => checkRun(client, steps, cancelUnknown),
        ),
        { seed, numRuns: runs },
      );
    }, 300_000);
  });
});

let count = 0;

async function checkRun(
  client: Redis,
  steps: readonly Step[],
  cancelWhenTryUnknown: 'skip' | 'call',
): Promise<void> {
  count += 1;
  const shelf = new Shelf(client, `${count}`);
  await shelf.fill(5);
  const branch = new Branch(redisBarrier(client));
  const handlers = {
    try: shelf.reserve(2, 'a'),
    confirm: shelf.sell('a'),
    cancel: shelf.putBack('a'),
  };
  const model = new Model();
  for (let round = 0; round <= 4; round += 1) {
    const now = steps.filter((each) => each.round === round);
    const calls = now.flatMap((each) => (each.more ? [each, each] : [each]));
    // One connection: Redis takes them in the order of their sending, and all wait for their answers together.
    const told = await Promise.all(
      calls.map((each) => outcome(branch, each, { handlers, cancelWhenTryUnknown })),
    );
    for (const [index, each] of calls.entries()) {
      const wanted = model.next(each.phase, cancelWhenTryUnknown);
      const answered = wanted === 'done' || wanted === 'duplicate';
      const known = each.lost && answered ? 'unknown' : wanted;
      expect(`${round}.${index} ${each.phase}: ${told[index]}`).toBe(
        `${round}.${index} ${each.phase}: ${known}`,
      );
    }
  }
  expect(await shelf.state()).toBe(stateAfter(model.done));
  // A row expires once its branch has ended, and never before (RD5).
  const expires = (await client.pttl(branch.row(shelf.tag))) > 0;
  expect(expires).toBe(model.hasEnded);
}

async function outcome(
  branch: Branch,
  { phase, lost }: Step,
  {
    handlers,
    cancelWhenTryUnknown,
  }: {
    readonly handlers: Readonly<Record<Phase, Parameters<Branch['run']>[1]>>;
    readonly cancelWhenTryUnknown: 'skip' | 'call';
  },
): Promise<Told> {
  try {
    const end = await branch.run(
      phase,
      async (opened) => {
        const reply = await handlers[phase](opened);
        if (lost) throw new Error('lost');
        return reply;
      },
      { cancelWhenTryUnknown },
    );
    return end.kind;
  } catch (error) {
    return String(error).includes('threw afterwards: lost') ? 'unknown' : 'error';
  }
}

function stateAfter(done: readonly Phase[]): string {
  if (!done.includes('try') || done.includes('cancel')) return '5 left, 0 held';
  return done.includes('confirm') ? '3 left, 0 held' : '3 left, 2 held';
}
