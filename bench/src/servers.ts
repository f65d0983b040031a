/** The database servers of a run: each in a process of its own, so that its time is nobody else's. */
import { chmodSync } from 'node:fs';
import { type ServerStore, type StoreKind, isServerStore } from './configurations';
import { BenchProcess } from './processes/bench-process';

/** Servers by their kind. */
export class Servers {
  private readonly running = new Map<ServerStore, BenchProcess<'server'>>();

  /** `folder`: where their data goes. */
  constructor(private readonly folder: string) {}

  /** Starts one. Resolves with why it cannot be had; empty = it runs. */
  async start(kind: ServerStore): Promise<readonly string[]> {
    // A server may run as another user, who has to reach its data.
    chmodSync(this.folder, 0o711);
    const process = new BenchProcess('server', undefined);
    try {
      const { missing } = await process.ask('start', { kind, folder: this.folder });
      if (missing.length === 0) this.running.set(kind, process);
      else await process.end();
      return missing;
    } catch (error) {
      await process.end();
      throw error;
    }
  }

  /** The process of the store's server; undefined where the store has none. Throws where it was not started. */
  of(store: StoreKind | null): BenchProcess<'server'> | undefined {
    if (!isServerStore(store)) return undefined;
    const process = this.running.get(store);
    if (process === undefined) throw new Error(`bug: the server of ${store} is not started`);
    return process;
  }

  /** Those that run. */
  get kinds(): readonly ServerStore[] {
    return [...this.running.keys()];
  }

  /** Ends all. */
  async end(): Promise<void> {
    for (const process of this.running.values()) {
      await process.ask('stop').catch(() => undefined);
      await process.end();
    }
    this.running.clear();
  }
}
