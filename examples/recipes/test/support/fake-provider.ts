/** A payment provider in memory, as strict as real ones: a key means one piece of work, and work without its ground fails. */
import { CardRefusedError, type PaymentProvider } from '../../src';

interface Hold {
  readonly id: string;
  readonly card: string;
  readonly cents: bigint;
  state: 'held' | 'captured' | 'released';
}

/** What it holds, by the key of the hold. */
export class FakeProvider implements PaymentProvider {
  private readonly holds = new Map<string, Hold>();
  /** Keys of holds that were released before they came. */
  private readonly keptOut = new Set<string>();

  async hold(
    key: string,
    { card, cents }: { readonly card: string; readonly cents: bigint },
  ): Promise<string> {
    const known = this.holds.get(key);
    if (known !== undefined) return known.id;
    if (this.keptOut.has(key)) throw new CardRefusedError('this hold was released before');
    if (card === 'empty') throw new CardRefusedError('the card is empty');
    const hold: Hold = { id: `hold-of-${card}`, card, cents, state: 'held' };
    this.holds.set(key, hold);
    return hold.id;
  }

  async capture(_key: string, holdId: string): Promise<void> {
    const hold = [...this.holds.values()].find(
      ({ id, state }) => id === holdId && state !== 'released',
    );
    if (hold === undefined) throw new Error(`nothing is held as ${holdId}`);
    hold.state = 'captured';
  }

  async release(_key: string, holdKey: string): Promise<void> {
    const hold = this.holds.get(holdKey);
    if (hold?.state === 'captured') throw new Error('captured already');
    if (hold === undefined) this.keptOut.add(holdKey);
    else hold.state = 'released';
  }

  /** Money that is held or taken, by card. */
  snapshot(): unknown {
    return [...this.holds.values()]
      .filter(({ state }) => state !== 'released')
      .map(({ card, cents, state }) => `${card} ${cents} ${state}`)
      .sort();
  }

  /** Forgets everything. */
  reset(): void {
    this.holds.clear();
    this.keptOut.clear();
  }
}
