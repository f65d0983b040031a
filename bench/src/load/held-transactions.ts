/** Transactions that stop between their Tries and their commit, so that a participant can go away there. */
import { type Tercet, TransactionPendingError } from '@tercet/sdk';
import { impatientBench, reservation } from '../bench-service';
import type { HeldTransactions } from '../processes/calls';

/** A group of them. */
export class HeldGroup {
  /** Resolves when all Tries are done. Rejects with what the first failed transaction threw. */
  readonly held: Promise<unknown>;
  private readonly runs: readonly Promise<string>[];
  private letGo: () => void = () => {};
  private gids: readonly string[] = [];

  constructor(
    private readonly tercet: Tercet,
    { count, targets }: HeldTransactions,
  ) {
    const go = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    const members = Array.from({ length: count }, () => hold(tercet, targets, go));
    this.runs = members.map(({ gid }) => gid);
    this.held = Promise.all(members.map(({ tried, gid }) => Promise.race([tried, gid])));
  }

  /** Commits all; resolves when all are decided. */
  async commit(): Promise<void> {
    this.letGo();
    this.gids = await Promise.all(this.runs);
  }

  /** How many are settled when all are, or the time is over. */
  async settled(timeoutMs: number): Promise<number> {
    const each = this.gids.map((gid) => this.isSettled(gid, timeoutMs));
    return (await Promise.all(each)).filter((one) => one).length;
  }

  private async isSettled(gid: string, timeoutMs: number): Promise<boolean> {
    try {
      await this.tercet.wait(gid, { for: 'settled', timeout: timeoutMs });
      return true;
    } catch (error) {
      if (error instanceof TransactionPendingError) return false;
      throw error;
    }
  }
}

/** One transaction with a branch to each target, which waits for `go` before it commits. */
function hold(
  tercet: Tercet,
  targets: readonly string[],
  go: Promise<void>,
): { readonly tried: Promise<void>; readonly gid: Promise<string> } {
  let done = (): void => {};
  const tried = new Promise<void>((resolve) => {
    done = resolve;
  });
  const run = tercet.run({ name: 'held', phaseTwoWaitMs: 0 }, async (tx) => {
    await tx.all(targets.map((target) => tx.use(impatientBench, { target }).reserve(reservation)));
    done();
    await go;
  });
  return { tried, gid: run.then(({ gid }) => gid) };
}
