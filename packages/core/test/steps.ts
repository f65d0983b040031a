/** What can happen to one transaction, as data; lives.ts draws it. */
import {
  type BranchId,
  type BranchSpec,
  type CallFailure,
  type Opening,
  type OperatorEvent,
  type Outcome,
  type PhaseTwoOrder,
  type TryOutcome,
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
  readonly parkPermanentErrors: boolean;
}

/** The life of one transaction. */
export interface Life {
  readonly order: PhaseTwoOrder;
  readonly steps: readonly Step[];
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
  | { readonly kind: 'hold-back'; readonly pick: number; readonly failure: CallFailure }
  | { readonly kind: 'operate'; readonly wish: Wish; readonly pick: number }
  | { readonly kind: 'complete' }
  /** The store is put back: the transaction comes back parked. */
  | { readonly kind: 'restore' }
  | { readonly kind: 'clock'; readonly ms: number }
  | { readonly kind: 'replay'; readonly pick: number };

/** What an operator wants; `contradict` = resolve against the decision. */
export type Wish = 'retry' | 'retry-all' | 'resume' | 'resume-all' | 'resolve' | 'contradict';

/** Which branches a Commit lists, measured against those that are registered. */
export type CommitList = 'exact' | 'exact-twice' | 'all-but-one' | 'one-too-many';
/** What a Rollback tells of one Try; `undefined` = nothing. */
export type ToldTry = TryOutcome | undefined;

/** The opening of each kind, where the transaction's phase two has the given order. */
export function openingOf(kind: OpeningKind, phaseTwoOrder: PhaseTwoOrder): Opening | undefined {
  const labels = { order: '1' };
  const policy = { onTimeout: 'cancel', phaseTwoOrder } as const;
  switch (kind) {
    case 'same':
      return anOpening({ labels, policy });
    case 'none':
      return undefined;
    case 'other-name':
      return anOpening({ labels, policy, name: 'refund' });
    case 'other-labels':
      return anOpening({ labels: { order: '2' }, policy });
    case 'other-policy':
      return anOpening({ labels, policy: { ...policy, onTimeout: 'none' } });
  }
}

/** What an operator asks for, of one branch or of all, while the decision ends branches as `end`. */
export function orderOf(
  wish: Wish,
  branchId: BranchId,
  end: 'confirmed' | 'cancelled',
): OperatorEvent {
  switch (wish) {
    case 'retry':
    case 'resume':
      return { kind: wish, branchIds: [branchId] };
    case 'retry-all':
      return { kind: 'retry', branchIds: [] };
    case 'resume-all':
      return { kind: 'resume', branchIds: [] };
    case 'resolve':
      return { kind: 'resolve', branchId, asserted: end, by: 'ann', reason: 'booked by hand' };
    case 'contradict': {
      const asserted = end === 'confirmed' ? 'cancelled' : 'confirmed';
      return { kind: 'resolve', branchId, asserted, by: 'ann', reason: 'it was not so' };
    }
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
    parkPermanentErrors: draw.parkPermanentErrors,
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
