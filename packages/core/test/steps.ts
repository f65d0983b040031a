/** What can happen to one transaction, as data that fast-check draws and shrinks. */
import fc from 'fast-check';
import {
  type BranchId,
  type BranchSpec,
  type Opening,
  type Outcome,
  type TryOutcome,
  grpcCode,
} from '../src';
import { aBranchSpec, anOpening } from '../src/testing';

/** How a registration describes the transaction that it wants to open. */
export type OpeningKind = 'same' | 'none' | 'other-name' | 'other-labels' | 'other-policy';

/** One branch of a registration; `variant` stands for its content. */
export interface BranchDraw {
  readonly id: string;
  readonly variant: 0 | 1;
  readonly forwardMs: number;
  readonly barrier: boolean;
}

/** One thing that happens. Run 0 is the one that opens the transaction in most histories. */
export type Step =
  | {
      readonly kind: 'register';
      readonly run: number;
      readonly opening: OpeningKind;
      readonly branches: readonly BranchDraw[];
    }
  | { readonly kind: 'commit'; readonly run: number; readonly list: CommitList }
  | { readonly kind: 'rollback'; readonly run: number; readonly tries: readonly ToldTry[] }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'answer'; readonly pick: number; readonly outcome: Outcome }
  | { readonly kind: 'answer-all-done' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'clock'; readonly ms: number }
  | { readonly kind: 'replay'; readonly pick: number };

/** Which branches a Commit lists, measured against those that are registered. */
export type CommitList = 'exact' | 'exact-twice' | 'all-but-one' | 'one-too-many';
/** What a Rollback tells of one Try; `undefined` = nothing. */
export type ToldTry = TryOutcome | undefined;

/** The opening of each kind. */
export function openingOf(kind: OpeningKind): Opening | undefined {
  const labels = { order: '1' };
  switch (kind) {
    case 'same':
      return anOpening({ labels });
    case 'none':
      return undefined;
    case 'other-name':
      return anOpening({ labels, name: 'refund' });
    case 'other-labels':
      return anOpening({ labels: { order: '2' } });
    case 'other-policy':
      return anOpening({ labels, policy: { onTimeout: 'none', phaseTwoOrder: 'all' } });
  }
}

/** The registration of one branch. */
export function specOf(draw: BranchDraw): BranchSpec {
  return aBranchSpec({
    id: draw.id as BranchId,
    target: `10.0.0.${draw.variant}:50051`,
    payload: Uint8Array.of(draw.variant),
    deadlines: { forwardMs: draw.forwardMs, confirmMs: 5_000, cancelMs: 5_000 },
    barrier: draw.barrier,
  });
}

/** The variant that a registration was made of, read from a part that is not its payload. */
export function variantOf(spec: BranchSpec): number {
  return Number(spec.target.slice('10.0.0.'.length, -':50051'.length));
}

/** The branches that a Commit lists while `ids` are registered. */
export function listOf(kind: CommitList, ids: readonly BranchId[]): readonly BranchId[] {
  switch (kind) {
    case 'exact':
      return ids;
    case 'exact-twice':
      return [...ids, ...ids].reverse();
    case 'all-but-one':
      return ids.slice(1);
    case 'one-too-many':
      return [...ids, '99' as BranchId];
  }
}

const failure = fc.record({
  grpcCode: fc.constantFrom(...Object.values(grpcCode).filter((code) => code !== grpcCode.OK)),
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
  id: fc.constantFrom('1', '2', '3', '1.1'),
  variant: fc.oneof({ weight: 9, arbitrary: fc.constant(0 as const) }, fc.constant(1 as const)),
  forwardMs: fc.constantFrom(1, 5_000, 600_000),
  barrier: fc.boolean(),
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

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: register },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('commit' as const), run, list: commitList }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('rollback' as const),
      run,
      tries: fc.array(toldTry, { minLength: 4, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'deadline' }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      pick: fc.nat({ max: 59 }),
      outcome: outcomes,
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'answer-all-done' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'complete' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      ms: fc.constantFrom(0, 1, 300, 4_999, 60_000, 120_000, -1, -10_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('replay' as const), pick: fc.nat({ max: 9 }) }),
  },
);

/** The life of one transaction: a registration, then anything. */
export const histories: fc.Arbitrary<readonly Step[]> = fc
  .tuple(register, fc.array(step, { minLength: 8, maxLength: 40, size: 'max' }))
  .map(([first, rest]) => [first, ...rest]);
