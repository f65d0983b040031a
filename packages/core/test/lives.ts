/** Draws the lives of transactions, and shrinks them. */
import fc from 'fast-check';
import { type CallFailure, type Outcome, type PhaseTwoOrder, grpcCode } from '../src';
import type { BranchDraw, CommitList, Life, OpeningKind, Step, ToldTry, Wish } from './steps';

const codes = Object.values(grpcCode).filter((code) => code !== grpcCode.OK);
const failure: fc.Arbitrary<CallFailure> = fc.record({
  grpcCode: fc.constantFrom<number[]>(...codes),
  message: fc.oneof(fc.constantFrom('', 'x'.repeat(2_000)), fc.string({ maxLength: 20 })),
  peer: fc.constantFrom(undefined, '10.0.3.7:50051'),
});

/** Every kind of outcome. */
export const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'done' }),
  failure.map((f): Outcome => ({ kind: 'refused', failure: f })),
  failure.map((f): Outcome => ({ kind: 'unknown', failure: f })),
  fc
    .tuple(failure, fc.boolean())
    .map(([f, conflict]): Outcome => ({ kind: 'parked', failure: f, conflict })),
  fc
    .tuple(failure, fc.constantFrom(undefined, 0, 3_000, 1e12))
    .map(([f, afterMs]): Outcome => ({ kind: 'again', failure: f, afterMs })),
);

const run = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constant(1) },
);
const branch: fc.Arbitrary<BranchDraw> = fc.record({
  id: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('1', '2', '3') },
    { weight: 4, arbitrary: fc.constantFrom('1.1', '2.1') },
    { weight: 1, arbitrary: fc.constantFrom('1.1.1', '4.1') },
  ),
  variant: fc.oneof({ weight: 9, arbitrary: fc.constant(0 as const) }, fc.constant(1 as const)),
  forwardMs: fc.constantFrom(1, 5_000, 600_000),
  barrier: fc.boolean(),
  parkPermanentErrors: fc.boolean(),
});
const openingKind = fc.oneof(
  { weight: 10, arbitrary: fc.constant<OpeningKind>('same') },
  fc.constantFrom<OpeningKind>('none', 'other-name', 'other-labels', 'other-policy'),
);
const register: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('register' as const),
  run,
  opening: openingKind,
  branches: fc.array(branch, { maxLength: 3 }),
});
const commitList = fc.oneof(
  { weight: 3, arbitrary: fc.constant<CommitList>('exact') },
  fc.constantFrom<CommitList>('exact-twice', 'all-but-one', 'one-too-many'),
);
const toldTry = fc.constantFrom<ToldTry[]>(undefined, 'not-sent', 'done', 'refused', 'unknown');

/** A registration that opens the transaction; a transaction without branches comes of later ones. */
const first: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('register' as const),
  run,
  opening: fc.constant<OpeningKind>('same'),
  branches: fc.array(
    branch.filter(({ id }) => !id.includes('.')),
    { maxLength: 4, size: 'max' },
  ),
});
const pick = fc.nat({ max: 59 });
const kinds: { readonly [K in Step['kind']]: fc.Arbitrary<Step> } = {
  register,
  commit: fc.record({ kind: fc.constant('commit' as const), run, list: commitList }),
  rollback: fc.record({
    kind: fc.constant('rollback' as const),
    run,
    tries: fc.array(toldTry, { minLength: 4, maxLength: 4 }),
  }),
  deadline: fc.constant<Step>({ kind: 'deadline' }),
  answer: fc.record({ kind: fc.constant('answer' as const), pick, outcome: outcomes }),
  'answer-all-done': fc.constant<Step>({ kind: 'answer-all-done' }),
  'hold-back': fc.record({ kind: fc.constant('hold-back' as const), pick, failure }),
  operate: fc.record({
    kind: fc.constant('operate' as const),
    wish: fc.constantFrom<Wish[]>(
      'retry',
      'retry-all',
      'resume',
      'resume-all',
      'resolve',
      'contradict',
    ),
    pick,
  }),
  complete: fc.constant<Step>({ kind: 'complete' }),
  restore: fc.constant<Step>({ kind: 'restore' }),
  clock: fc.record({
    kind: fc.constant('clock' as const),
    ms: fc.constantFrom(0, 1, 300, 4_999, 60_000, 120_000, -1, -10_000),
  }),
  replay: fc.record({ kind: fc.constant('replay' as const), pick: fc.nat({ max: 9 }) }),
};

/** Anything, each kind as often as its weight says. */
function mixOf(weights: Readonly<Record<Step['kind'], number>>): fc.Arbitrary<Step> {
  const weighted = Object.entries(weights) as [Step['kind'], number][];
  return fc.oneof(...weighted.map(([kind, weight]) => ({ weight, arbitrary: kinds[kind] })));
}

const anything = mixOf({
  register: 5,
  commit: 2,
  rollback: 1,
  deadline: 2,
  answer: 6,
  'answer-all-done': 1,
  'hold-back': 1,
  operate: 3,
  complete: 2,
  restore: 1,
  clock: 3,
  replay: 3,
});
const mostlyPhaseTwo = mixOf({
  register: 1,
  commit: 2,
  rollback: 1,
  deadline: 1,
  answer: 10,
  'answer-all-done': 1,
  'hold-back': 3,
  operate: 8,
  complete: 2,
  restore: 1,
  clock: 3,
  replay: 1,
});
const order = fc.constantFrom<PhaseTwoOrder[]>('all', 'registration', 'reverse');

/** The life of one transaction: a registration, then anything, in the end mostly what phase two knows. */
export const lives: fc.Arbitrary<Life> = fc
  .tuple(
    order,
    first,
    fc.array(anything, { minLength: 3, maxLength: 14, size: 'max' }),
    fc.array(mostlyPhaseTwo, { minLength: 4, maxLength: 26, size: 'max' }),
  )
  .map(([chosen, opens, early, late]) => ({ order: chosen, steps: [opens, ...early, ...late] }));
