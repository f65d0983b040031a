/**
 * Random participants, branches and connections under a virtual clock. The story checks at every single event: G1 the
 * limit and the order, G5 one probe in 10 s and whose turn it is, G7 who may overtake whom, G8 that who is held was told.
 */
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { GateStory, type Mode } from './support/gate-story';

// Hours of virtual time on a busy machine.
jest.setTimeout(120_000);

/** The same runs every time; a failure prints seed and path, which replay it. */
const runs = { seed: 20_260_512, numRuns: 15 };

const faulty = fc.constantFrom('stock', 'delivery');
const action = fc.oneof(
  fc.record({
    kind: fc.constant('behave' as const),
    target: faulty,
    mode: fc.constantFrom<Mode>('up', 'refused', 'hanging', 'busy', 'error'),
    tell: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('add' as const),
    target: faulty,
    count: fc.integer({ min: 1, max: 12 }),
    poison: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  }),
  fc.record({ kind: fc.constant('withdraw' as const), target: faulty, nth: fc.nat() }),
  fc.record({ kind: fc.constant('flicker' as const), target: faulty }),
);
const steps = fc.array(fc.record({ waitMs: fc.nat(12_000), action }), {
  minLength: 20,
  maxLength: 45,
  size: 'max',
});
const worlds = fc.record({ concurrencyMax: fc.integer({ min: 1, max: 4 }), seed: fc.integer() });

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function act(story: GateStory, what: Action): void {
  switch (what.kind) {
    case 'behave':
      return story.behave(what.target, what.mode, what.tell);
    case 'add':
      for (let i = 0; i < what.count; i++) story.add(what.target, what.poison && i === 0);
      return;
    case 'withdraw':
      return story.withdraw(what.target, what.nth);
    case 'flicker':
      return story.connections.ready(what.target);
  }
}

/** Mends everything, without a word from the channels, and gives it time. */
async function heal(story: GateStory): Promise<void> {
  for (const target of ['stock', 'delivery']) story.behave(target, 'up', false);
  await story.time.advance(5 * 60_000);
}

describe('gates, whatever happens', () => {
  it('keep G1, G5, G7 and G8 at every event; once faults stop everything is done (I6) and nothing kept (G9)', async () => {
    const seen = { probes: 0, newcomers: 0, held: 0 };
    await fc.assert(
      fc.asyncProperty(worlds, steps, async ({ concurrencyMax, seed }, all) => {
        const story = new GateStory(concurrencyMax, seed);
        for (const { waitMs, action: what } of all) {
          act(story, what);
          await story.time.settle();
          story.check();
          await story.time.advance(waitMs);
          story.check();
        }
        await heal(story);
        expect(story.branches.filter(({ done, poison }) => !done && !poison)).toEqual([]);
        story.cure();
        await story.time.advance(5 * 60_000);
        story.check();
        expect(story.branches.filter(({ done }) => !done)).toEqual([]);
        expect(story.gates.size).toBe(0);
        expect(story.time.pending).toBe(0);
        expect(story.connections.watchers()).toBe(0);
        seen.probes += story.counts.probes;
        seen.newcomers += story.counts.newcomers;
        seen.held += story.counts.held;
      }),
      runs,
    );
    // Not for want of anything to check.
    expect(seen.probes).toBeGreaterThan(200);
    expect(seen.newcomers).toBeGreaterThan(20);
    expect(seen.held).toBeGreaterThan(500);
  });

  it('run the calls of a healthy target at once while others are dead or hang', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, steps, async ({ concurrencyMax, seed }, all) => {
        const story = new GateStory(concurrencyMax, seed);
        for (const { waitMs, action: what } of all) {
          act(story, what);
          story.add('calm');
          expect(story.gates.state('calm')).toMatchObject({ phase: 'up', waiting: 0, running: 1 });
          await story.time.advance(10 + waitMs);
        }
        story.check();
        story.gates.close();
      }),
      { ...runs, numRuns: 15 },
    );
  });

  it('G3: one poison branch never closes a healthy target, nor keeps its others from running', async () => {
    const gaps = fc.array(fc.nat(5_000), { minLength: 5, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer(), gaps, async (seed, all) => {
        const story = new GateStory(4, seed);
        story.add('stock', true);
        for (const gap of all) {
          story.add('stock');
          expect(story.gates.state('stock')).toMatchObject({ phase: 'up', waiting: 0 });
          await story.time.advance(10 + gap);
        }
        expect(story.branches.filter(({ done }) => !done)).toHaveLength(1);
        story.check();
        story.gates.close();
      }),
      { ...runs, numRuns: 15 },
    );
  });

  it('G5: a poison branch cannot keep a target closed that is healthy again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 20 }), async (seed, others) => {
        const story = new GateStory(4, seed);
        story.behave('stock', 'refused', false);
        story.add('stock', true);
        await story.time.advance(1_000);
        for (let i = 0; i < others; i++) story.add('stock');
        await story.time.advance(60_000);
        expect(story.gates.state('stock').phase).toBe('down');
        story.behave('stock', 'up', false);
        // At most the poison's turn of 10 s, the next one's, the spread, and the last backoff.
        await story.time.advance(10_000 + 10_000 + 5_000 + 20_000 + 10_000);
        expect(story.branches.filter(({ done, poison }) => !done && !poison)).toEqual([]);
        story.check();
        story.gates.close();
      }),
      { ...runs, numRuns: 15 },
    );
  });
});
