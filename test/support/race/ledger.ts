/**
 * What calls have done to a business. Repeats are borne, as handlers must; nothing else is forgiven: a Try that comes
 * after its Cancel reserves again, and a second effect of one kind is counted.
 */
import type { CallContext } from '@tercet/sdk';

/** What happened to one branch. */
export interface Effects {
  /** How often something was reserved, made final, given back. */
  reserved: number;
  confirmed: number;
  returned: number;
  /** Reserved at the moment. */
  held: boolean;
}

/** A business whose branches are looked at afterwards. */
export class Ledger {
  private readonly branches = new Map<string, Effects>();
  private readonly cancelled = new Set<string>();

  /** @param tombstones Keep a Try that comes after its Cancel out, as a barrier does. */
  constructor(private readonly tombstones: boolean) {}

  /** Does what a handler of this call does. */
  enter({ phase, branchId }: Pick<CallContext, 'phase' | 'branchId'>): void {
    const effects = this.of(branchId);
    if (phase === 'try') this.reserve(branchId, effects);
    if (phase === 'confirm' && effects.held) effects.confirmed += 1;
    if (phase === 'cancel') {
      this.cancelled.add(branchId);
      if (effects.held) effects.returned += 1;
    }
    if (phase !== 'try') effects.held = false;
  }

  /** The effects of a branch, in words: `reserved, returned`; a count where one came more than once. */
  tell(branchId: string): string {
    const { held, ...counts } = this.of(branchId);
    const words = Object.entries(counts).flatMap(([word, count]) =>
      count === 0 ? [] : count === 1 ? [word] : [`${word} ${count} times`],
    );
    return [...words, ...(held ? ['still held'] : [])].join(', ') || 'nothing';
  }

  private reserve(branchId: string, effects: Effects): void {
    if (effects.held || effects.confirmed > 0) return;
    if (this.tombstones && this.cancelled.has(branchId)) return;
    effects.reserved += 1;
    effects.held = true;
  }

  private of(branchId: string): Effects {
    const known = this.branches.get(branchId);
    if (known !== undefined) return known;
    const effects = { reserved: 0, confirmed: 0, returned: 0, held: false };
    this.branches.set(branchId, effects);
    return effects;
  }
}
