/**
 * The form in which unfinished transactions lie in memory. A hundred thousand of them differ in their ids, times and
 * bytes; what they call and how is the same few shapes over and over.
 *
 * L1 Payloads are not in it: who needs bytes asks {@link PayloadCache}. `elsewhere` stands in their place.
 * L2 Equal texts and settings are one object, not one for each request that was decoded (`npm run bench:memory`).
 */
import { type Branch, type BranchSpec, type GlobalTransaction, noAttempts } from '@tercet/core';

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
  private readonly shapes = new Map<string, object>();

  /** The transaction without payloads. */
  transaction(tx: GlobalTransaction): GlobalTransaction {
    const { onTimeout, phaseTwoOrder } = tx.policy;
    return {
      ...tx,
      name: this.text(tx.name),
      policy: this.shared(`p ${onTimeout} ${phaseTwoOrder}`, tx.policy),
      labels: Object.keys(tx.labels).length === 0 ? noLabels : tx.labels,
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
    const { methods, deadlines, retry, after } = spec;
    const { forward, confirm, cancel } = methods;
    const { forwardMs, confirmMs, cancelMs } = deadlines;
    return {
      ...spec,
      action: this.text(spec.action),
      target: this.text(spec.target),
      methods: this.shared(`m ${forward} ${confirm} ${cancel}`, methods),
      deadlines: this.shared(`d ${forwardMs} ${confirmMs} ${cancelMs}`, deadlines),
      retry: this.shared(`r ${retry.firstDelayMs} ${retry.maxDelayMs}`, retry),
      after: this.shared(`a ${after.join(' ')}`, after),
      payload: elsewhere,
      confirmPayload: undefined,
      cancelPayload: undefined,
    };
  }

  private text(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    if (this.texts.size >= SHAPES_MAX) this.texts.clear();
    this.texts.set(text, text);
    return text;
  }

  private shared<T extends object>(key: string, value: T): T {
    const known = this.shapes.get(key);
    if (known !== undefined) return known as T;
    if (this.shapes.size >= SHAPES_MAX) this.shapes.clear();
    this.shapes.set(key, value);
    return value;
  }
}
