/**
 * `tercet store quarantine`: parks everything unfinished of a store that was put back by other tools, in place.
 *
 * K1 It works as one of the store's nodes: what incarnations of the former life own is taken over, page by page, and parked under
 *    the guard of owner and epoch. A coordinator of the former life that comes back can write nothing of it.
 * K2 It ends well only when every unfinished transaction is its own and parked. Whoever else owns one is alive: that is refused.
 * K3 It may be stopped and repeated at any time: what is parked stays parked.
 */
import { type GlobalTransaction, type Scheduler, TercetError, restored } from '@tercet/core';
import type { Store, StoreOperation } from './store/store';
import type { StoreReport } from './store/store-report';
import { type Guest, assertNobodyLives, incarnationFor, whileOpen } from './store-guest';
import { loadAll, openStatuses, summaries } from './store/moves/reading';
import { patientWrite } from './store/moves/patient-write';
import {
  type StoreCommandOptions,
  machinePorts,
  nameOf,
  storeSettings,
  tellingStore,
  wordsOf,
} from './store-settings';
import { nextAt } from './store/moves/whole';

/** What to do with the store that the settings name. */
export interface QuarantineOptions extends StoreCommandOptions {
  /** Only count. */
  readonly dryRun: boolean;
  /** Told after each page: how many were looked at. */
  readonly onProgress?: (progress: { readonly done: number }) => void;
}

/** What it has done, or would do. */
export interface Quarantined {
  /** For people. */
  readonly store: string;
  readonly dryRun: boolean;
  readonly unfinished: number;
  /** Of them those of which something was parked now; the others were parked before. */
  readonly parked: number;
}

/** Transactions that are taken and parked at once. */
const PAGE = 200;
/** Looks in each ttl. */
const PARTS = 4;
/** For how many ttls somebody else may own something before that is taken for a sign of life. */
const PATIENCE = 3;

/** What a person types to confirm that this store is meant. Rejects with CONFIG_INVALID. */
export async function storeWords(options: StoreCommandOptions): Promise<string> {
  return wordsOf(await storeSettings(options));
}

/**
 * Parks. Rejects with STORE_IN_USE where a coordinator lives on the store, STORE_INCOMPATIBLE where a dry run would have to
 * migrate it, CONFIG_INVALID, STORE_UNAVAILABLE. Safe to repeat (K3).
 */
export async function quarantineStore(options: QuarantineOptions): Promise<Quarantined> {
  const config = await storeSettings(options);
  const ports = options.ports ?? machinePorts;
  const guest = { config, ports, incarnation: incarnationFor('quarantine', ports) };
  const store = nameOf(config);
  const { dryRun, onProgress = (): void => undefined } = options;
  return await tellingStore(store, async () => {
    assertThere(guest, await assertNobodyLives(guest), dryRun);
    const counts = await whileOpen(guest, (open) =>
      dryRun ? counted(open) : new Quarantine({ ...guest, store: open, onProgress }).run(),
    );
    return { store, dryRun, ...counts };
  });
}

/** Opening makes what is missing: a name that was mistyped must not become a store. */
function assertThere({ config }: Guest, { schema, current }: StoreReport, dryRun: boolean): void {
  const store = nameOf(config);
  if (schema === undefined) {
    const message = `${store} has no tables: there is nothing to park; is it the right one?`;
    throw new TercetError('CONFIG_INVALID', { message });
  }
  if (!dryRun || schema.version >= current) return;
  const message = `${store} has schema ${schema.version}, and even a dry run would bring it up to date: \`tercet store migrate\` does that alone`;
  throw new TercetError('STORE_INCOMPATIBLE', { message });
}

type Numbers = Pick<Quarantined, 'unfinished' | 'parked'>;

/** What it would do. */
async function counted(store: Store): Promise<Numbers> {
  let [unfinished, parked] = [0, 0];
  for await (const page of summaries(store, openStatuses)) {
    const gids = page.map(({ gid }) => gid);
    const loaded = (await loadAll(store, gids)).flatMap((tx) => tx ?? []);
    unfinished += loaded.length;
    parked += loaded.filter((tx) => restored(tx) !== tx).length;
  }
  return { unfinished, parked };
}

interface QuarantineDeps extends Guest {
  readonly store: Store;
  readonly onProgress: (progress: { readonly done: number }) => void;
}

/** One run (K1, K2). */
class Quarantine {
  private parked = 0;
  private done = 0;

  constructor(private readonly deps: QuarantineDeps) {}

  async run(): Promise<Numbers> {
    const { store, config, ports } = this.deps;
    const partMs = config.nodeTtlMs / PARTS;
    for (let waits = 0; ; waits++) {
      for (let page = await store.claim(PAGE); page.length > 0; page = await store.claim(PAGE)) {
        await this.park(page);
      }
      const { unfinished, foreign } = await this.look();
      if (foreign === 0) return { unfinished, parked: this.parked };
      if (waits >= PARTS * PATIENCE) throw inUse(nameOf(config), foreign);
      // What was a node in the former life is removed when it has shown no sign of life for a ttl.
      await pause(ports.scheduler, partMs);
    }
  }

  private async park(page: readonly GlobalTransaction[]): Promise<void> {
    const { store, config, ports, onProgress } = this.deps;
    const operations = page.flatMap((tx): StoreOperation | [] => {
      const next = restored(tx);
      return next === tx ? [] : { kind: 'progress', tx: next, nextAt: nextAt(next) };
    });
    const results = await patientWrite(store, operations, ports.scheduler);
    const refused = results.filter(({ kind }) => kind === 'refused').length;
    if (refused > 0) throw inUse(nameOf(config), refused);
    this.parked += operations.length;
    this.done += page.length;
    onProgress({ done: this.done });
  }

  /** Whose the unfinished ones are. All of this one's are parked. */
  private async look(): Promise<{ readonly unfinished: number; readonly foreign: number }> {
    const { store } = this.deps;
    let [unfinished, foreign] = [0, 0];
    for await (const page of summaries(store, openStatuses)) {
      const rows = await Promise.all(page.map(({ gid }) => store.facts(gid)));
      unfinished += rows.length;
      foreign += rows.filter((row) => row !== undefined && !this.isMine(row.owner)).length;
    }
    return { unfinished, foreign };
  }

  private isMine(owner: string): boolean {
    return owner === this.deps.incarnation;
  }
}

function inUse(store: string, count: number): TercetError {
  const message =
    `a coordinator has taken ${count} unfinished transactions of ${store} meanwhile, and may have called their participants: ` +
    'stop every coordinator, then run this again';
  return new TercetError('STORE_IN_USE', { message });
}

function pause(scheduler: Scheduler, ms: number): Promise<void> {
  return new Promise((resolve) => scheduler.after(ms, resolve));
}
