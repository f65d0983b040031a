/** Coordinators at work on the nodes of a cluster, and what must be found of their work afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gid, GlobalTransaction } from '@tercet/core';
import type { GaleraNode } from '../../../../test/support/servers/local-galera';
import { gidOf } from '../../src/store/batch-results';
import {
  type OperationResult,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreFailureKind,
  type StoreOperation,
} from '../../src/store/store';
import type { GaleraDatabase } from './galera-world';
import { extend, open, trying, withMore } from './transaction-moves';

/** How many transactions of its own each batch opens: all of them are there, or none is. */
const OWN = 3;
/** A shared transaction grows no further. */
const BRANCHES_MAX = 20;

/** What was done to a shared transaction. */
export interface SharedWork {
  /** How often its epoch was raised. */
  raised: number;
  /** Branches that were added. */
  added: number;
}

/** What was answered with `applied`. */
export class Acknowledged {
  /** Names of batches. */
  readonly batches: string[] = [];
  readonly shared = new Map<string, SharedWork>();
  /** Batches that were not answered, by why: they came again, or, of one who never repeats, nothing came. */
  readonly failures = new Map<StoreFailureKind, string[]>();

  count(operation: StoreOperation, result: OperationResult | undefined): void {
    if (operation.kind === 'open') return;
    const gid = gidOf(operation);
    const work = this.shared.get(gid) ?? { raised: 0, added: 0 };
    this.shared.set(gid, work);
    if (result?.kind !== 'applied') return;
    if (operation.kind === 'extend') work.added += 1;
    else work.raised += 1;
  }

  failed(batch: string, kind: StoreFailureKind): void {
    const failed = this.failures.get(kind) ?? [];
    this.failures.set(kind, failed);
    failed.push(batch);
  }
}

/** How a writer works. */
export interface WriterHabits {
  /** Transactions that others want, too. Default: none. */
  readonly shared?: readonly Gid[];
  /** A batch that failed comes again until it is answered. Default: true, as in an engine. */
  readonly repeats?: boolean;
}

/** Writes batches, one after another. */
export class Writer {
  private stopped = false;
  private number = 0;

  constructor(
    private readonly store: Store,
    private readonly me: string,
    private readonly acknowledged: Acknowledged,
    private readonly habits: WriterHabits = {},
  ) {}

  /** Resolves when it was told to stop and its last batch is answered. */
  async run(): Promise<void> {
    while (!this.stopped) {
      const name = `${this.me}-${this.number++}`;
      const own = Array.from({ length: OWN }, (_, i) => open(marked(name, i)));
      const theirs = await this.contested();
      const batch = [...own, ...theirs];
      const results = await this.written(name, batch);
      if (results === undefined) continue;
      if (!results.slice(0, OWN).every(({ kind }) => kind === 'applied')) {
        throw new Error(`batch ${name} was answered ${JSON.stringify(results)}`);
      }
      this.acknowledged.batches.push(name);
      batch.forEach((operation, i) => this.acknowledged.count(operation, results[i]));
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Undefined = it failed, and does not come again. */
  private async written(
    name: string,
    batch: readonly StoreOperation[],
  ): Promise<readonly OperationResult[] | undefined> {
    for (;;) {
      try {
        return await this.store.write(batch);
      } catch (error) {
        if (!(error instanceof StoreFailure) || error.kind === 'data') throw error;
        this.acknowledged.failed(name, error.kind);
        await sleep(2 + Math.random() * 10);
        if (this.habits.repeats === false) return undefined;
      }
    }
  }

  /** One change of a shared row: its taking over where it is another one's, else what its owner does with it. */
  private async contested(): Promise<readonly StoreOperation[]> {
    const { shared = [] } = this.habits;
    const gid = shared[this.number % shared.length];
    if (gid === undefined) return [];
    const row = await this.store.facts(gid);
    if (row === undefined) throw new Error(`${gid} is gone`);
    if (row.owner !== this.me) return [take(gid, row)];
    const tx = row.branches < BRANCHES_MAX ? await this.store.loadOwned(gid) : undefined;
    return tx === undefined ? [{ kind: 'fence', gid, epoch: row.epoch }] : [grown(tx)];
  }
}

/** All of them at work for so long; rejects where one fails. */
export async function workFor(writers: readonly Writer[], ms: number): Promise<void> {
  const runs = Promise.all(writers.map((writer) => writer.run()));
  // One that fails ends the race at once.
  await Promise.race([runs, sleep(ms)]);
  for (const writer of writers) writer.stop();
  await runs;
}

function marked(name: string, index: number): GlobalTransaction {
  return trying(`${name}-${index}`, 1, { labels: { batch: name } });
}

function take(gid: Gid, { runId, owner, epoch }: RowFacts): StoreOperation {
  return { kind: 'take', gid, runId, owner, epoch };
}

function grown(tx: GlobalTransaction): StoreOperation {
  return extend(withMore(tx), tx.branches.length);
}

/** What a node has of the batches. A batch is whole where each of its transactions is there with branches and label. */
export async function batchesOn(
  database: GaleraDatabase,
  node: GaleraNode,
): Promise<{ whole: ReadonlySet<string>; half: readonly string[] }> {
  const table = (name: string): string => `${database.name}.${name}`;
  const counted = (from: string): string =>
    `SELECT LEFT(gid, LENGTH(gid) - 2) AS batch, COUNT(*) AS number FROM ${table(from)} WHERE gid LIKE 'node-%' GROUP BY 1`;
  const numbers = new Map<string, number>();
  for (const name of ['transactions', 'registrations', 'labels']) {
    for (const row of await database.rows(node, counted(name))) {
      const batch = String(row['batch']);
      numbers.set(batch, (numbers.get(batch) ?? 0) + Number(row['number']));
    }
  }
  const all = [...numbers];
  const isWhole = (number: number): boolean => number === 3 * OWN;
  return {
    whole: new Set(all.filter(([, number]) => isWhole(number)).map(([batch]) => batch)),
    half: all.filter(([, number]) => !isWhole(number)).map(([batch]) => batch),
  };
}

/** What a node says of a shared transaction: its epoch, and its branches in the row and in the table of branches. */
export async function sharedOn(
  database: GaleraDatabase,
  node: GaleraNode,
  gid: Gid,
): Promise<{ epoch: number; branches: number; registered: number }> {
  const from = `${database.name}.`;
  const [row] = await database.rows(
    node,
    `SELECT epoch, branches, (SELECT COUNT(*) FROM ${from}registrations r WHERE r.gid = t.gid) AS registered` +
      ` FROM ${from}transactions t WHERE gid = '${gid}'`,
  );
  return {
    epoch: Number(row?.['epoch']),
    branches: Number(row?.['branches']),
    registered: Number(row?.['registered']),
  };
}
