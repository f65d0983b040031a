/**
 * The form in which unfinished transactions lie in memory. A hundred thousand of them differ in their ids, times and
 * bytes; what they call and how is the same few shapes over and over.
 *
 * L1 Payloads are not in it: who needs bytes asks {@link PayloadCache}. `elsewhere` stands in their place.
 * L2 Equal texts and settings are one object, not one for each request that was decoded (`npm run bench:memory`).
 */
import {
  type Branch,
  type BranchSpec,
  type GlobalTransaction,
  type TransactionPolicy,
  noAttempts,
} from '@tercet/core';

/** Stands for bytes that are not in memory (L1); compared by identity, never sent. */
const elsewhere = new Uint8Array(0);

/** Distinct shapes that are remembered; beyond, remembering begins anew. Only sharing depends on it. */
const SHAPES_MAX = 10_000;

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** Whether the bytes of a branch are elsewhere. */
export function isLean(spec: BranchSpec): boolean {
  return spec.payload === elsewhere;
}

/** Makes transactions lean, sharing what is equal. */
export class LeanForms {
  private readonly texts = new Map<string, string>();
  /** By the path of the forward method. */
  private readonly shapes = new Map<string, BranchSpec>();
  private policy: TransactionPolicy | undefined;

  /** The transaction without payloads. */
  transaction(tx: GlobalTransaction): GlobalTransaction {
    return {
      ...tx,
      name: this.text(tx.name),
      policy: this.policyOf(tx.policy),
      labels: isEmpty(tx.labels) ? noLabels : tx.labels,
      branches: tx.branches.map((branch) => this.branch(branch)),
    };
  }

  /** The branch without payloads. */
  branch(branch: Branch): Branch {
    const { attempts } = branch;
    const fresh = attempts.count === 0 && attempts.nextAt === undefined;
    const untouched = fresh && attempts.stuckReason === undefined;
    return {
      ...branch,
      spec: this.spec(branch.spec),
      attempts: untouched ? noAttempts : attempts,
    };
  }

  private spec(spec: BranchSpec): BranchSpec {
    const shape = this.shapeOf(spec);
    return {
      ...spec,
      action: shape.action,
      target: this.text(spec.target),
      methods: shape.methods,
      deadlines: shape.deadlines,
      retry: shape.retry,
      after: shape.after,
      payload: elsewhere,
      confirmPayload: undefined,
      cancelPayload: undefined,
    };
  }

  /** One look-up by what nearly always tells the action, and a comparison: texts put together as keys cost more. */
  private shapeOf(spec: BranchSpec): BranchSpec {
    const known = this.shapes.get(spec.methods.forward);
    if (known !== undefined && sameShape(known, spec)) return known;
    if (this.shapes.size >= SHAPES_MAX) this.shapes.clear();
    const { payload: _, confirmPayload: _c, cancelPayload: _x, ...shape } = spec;
    const lean = {
      ...shape,
      payload: elsewhere,
      confirmPayload: undefined,
      cancelPayload: undefined,
    };
    this.shapes.set(spec.methods.forward, lean);
    return lean;
  }

  private policyOf(policy: TransactionPolicy): TransactionPolicy {
    const last = this.policy;
    const same =
      last?.onTimeout === policy.onTimeout && last.phaseTwoOrder === policy.phaseTwoOrder;
    if (!same) this.policy = policy;
    return same ? last : policy;
  }

  private text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= SHAPES_MAX) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }
}

function sameShape(a: BranchSpec, b: BranchSpec): boolean {
  return (
    a.action === b.action &&
    a.methods.confirm === b.methods.confirm &&
    a.methods.cancel === b.methods.cancel &&
    a.deadlines.forwardMs === b.deadlines.forwardMs &&
    a.deadlines.confirmMs === b.deadlines.confirmMs &&
    a.deadlines.cancelMs === b.deadlines.cancelMs &&
    a.retry.firstDelayMs === b.retry.firstDelayMs &&
    a.retry.maxDelayMs === b.retry.maxDelayMs &&
    a.after.length === b.after.length &&
    a.after.every((id, i) => id === b.after[i])
  );
}

function isEmpty(labels: Readonly<Record<string, string>>): boolean {
  for (const _ in labels) return false;
  return true;
}
