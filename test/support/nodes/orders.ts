/**
 * Orders that are placed while something happens to the coordinators, and what must hold of them afterwards: nothing that
 * was acknowledged is lost, and all branches of an order end the same way.
 */
import { expect } from '@jest/globals';
import { systemScheduler } from '@tercet/runtime';
import { type Tercet, TercetError } from '@tercet/sdk';
import { type Participant, aParticipant, shop } from '../shop';

/** How many orders are placed, and what happens meanwhile. */
export interface OrderPlan {
  /** Begins each gid. */
  readonly prefix: string;
  /** At least so many, and as long as the trouble lasts. */
  readonly count: number;
  /** At a time. Default 8. */
  readonly workers?: number;
  /** What happens when a third of them has ended. Default: nothing. */
  readonly trouble?: () => Promise<void>;
}

const phases = ['try', 'confirm', 'cancel'] as const;
type Phase = (typeof phases)[number];

/** A participant, and clients that take turns. */
export class Orders {
  /** Orders whose commit was acknowledged. */
  readonly acknowledged = new Set<string>();
  /** What other orders failed with. */
  readonly failed = new Map<string, TercetError>();
  /** What Confirm of these gids throws, as long as they are here. */
  readonly refusing = new Map<string, Error>();
  /** `gid branch` of every Try, Confirm and Cancel that took effect. */
  private readonly effects: Readonly<Record<Phase, Set<string>>> = {
    try: new Set(),
    confirm: new Set(),
    cancel: new Set(),
  };

  private constructor(
    private readonly clients: readonly Tercet[],
    /** Both branches of an order go here. */
    readonly participant: Participant,
  ) {}

  /** With a participant of its own, which goes after the test. */
  static async at(...clients: readonly Tercet[]): Promise<Orders> {
    const orders = new Orders(clients, await aParticipant());
    for (const phase of phases) {
      for (const action of ['reserve', 'charge']) {
        orders.participant.hooks.set(`${phase} ${action}`, (_, { gid, branchId }) => {
          const refusal = phase === 'confirm' ? orders.refusing.get(gid) : undefined;
          if (refusal !== undefined) throw refusal;
          orders.effects[phase].add(`${gid} ${branchId}`);
        });
      }
    }
    return orders;
  }

  /** Places one order; fails as `run` does. */
  async place(gid: string, client = this.clients[0]): Promise<void> {
    if (client === undefined) throw new Error('no client');
    const { target } = this.participant;
    await client.run({ name: 'order', gid, timeout: '20s', phaseTwoWaitMs: 50 }, (tx) => {
      const calls = tx.use(shop, { target });
      return tx.all([
        calls.reserve({ sku: 'apple', quantity: 1 }),
        calls.charge({ account: 'ann', cents: 30 }),
      ]);
    });
    this.acknowledged.add(gid);
  }

  /** Places one that is committed, and whose Confirms fail until `refusing` forgets it. */
  async placeHeld(gid: string, client = this.clients[0], refusal = new Error('not now')) {
    this.refusing.set(gid, refusal);
    await this.place(gid, client);
    return gid;
  }

  /** Places every order once, the clients in turn. Resolves with their gids when all have ended, and the trouble too. */
  async placeAll({ prefix, count, workers = 8, trouble }: OrderPlan): Promise<readonly string[]> {
    const gids: string[] = [];
    let ended = 0;
    let troubled: Promise<void> | undefined;
    let isOver = trouble === undefined;
    const work = async (): Promise<void> => {
      while (gids.length < count || !isOver) {
        const gid = `${prefix}-${gids.length}`;
        gids.push(gid);
        await this.placeOrNote(gid, this.clients[gids.length % this.clients.length]);
        ended++;
        if (ended >= count / 3) troubled ??= trouble?.().finally(() => (isOver = true));
      }
    };
    await Promise.all(Array.from({ length: workers }, work));
    await troubled;
    return gids;
  }

  /** Everything has settled, all branches of an order the same way, and nothing acknowledged is lost. */
  async expectSettled(gids: readonly string[], asked = this.clients[0]): Promise<void> {
    if (asked === undefined) throw new Error('no client');
    // A run in which nothing got through would show nothing.
    expect(this.acknowledged.size).toBeGreaterThanOrEqual(gids.length / 6);
    const ends = await Promise.all(gids.map((gid) => endOf(asked, gid)));
    for (const [i, gid] of gids.entries()) this.expectOneEnd(gid, ends[i] ?? '');
  }

  /** The phases of which a branch of this gid had an effect. */
  seen(gid: string): readonly Phase[] {
    return phases.filter((phase) => this.branches(gid, phase).length > 0);
  }

  private expectOneEnd(gid: string, end: string): void {
    const both = [`${gid} 1`, `${gid} 2`];
    if (this.acknowledged.has(gid)) expect([gid, end]).toEqual([gid, 'confirmed']);
    const confirmed = end === 'confirmed' ? both : [];
    expect([gid, this.branches(gid, 'confirm')]).toEqual([gid, confirmed]);
    if (end === 'confirmed') expect([gid, this.branches(gid, 'cancel')]).toEqual([gid, []]);
    // What was tried was cancelled, where it was not confirmed; what was never opened was never tried.
    if (end === 'cancelled') expect([gid, this.branches(gid, 'cancel')]).toEqual([gid, both]);
    if (end === 'unknown') expect([gid, this.branches(gid, 'try')]).toEqual([gid, []]);
  }

  private branches(gid: string, phase: Phase): readonly string[] {
    return [`${gid} 1`, `${gid} 2`].filter((one) => this.effects[phase].has(one));
  }

  private async placeOrNote(gid: string, client: Tercet | undefined): Promise<void> {
    try {
      await this.place(gid, client);
    } catch (error) {
      if (!(error instanceof TercetError)) throw error;
      this.failed.set(gid, error);
      // Whoever is refused at once does not ask again at once.
      await new Promise<void>((resolve) => systemScheduler.after(50, resolve));
    }
  }
}

async function endOf(tercet: Tercet, gid: string): Promise<string> {
  try {
    return (await tercet.wait(gid, { for: 'settled', timeout: '60s' })).status;
  } catch (error) {
    if (error instanceof TercetError && error.code === 'TRANSACTION_NOT_FOUND') return 'unknown';
    throw error;
  }
}
