/** Stores on the nodes of a Galera cluster. */
import { randomBytes } from 'node:crypto';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { afterTest } from '../../../../test/support/clean-up';
import type { GaleraCluster, GaleraNode } from '../../../../test/support/servers/local-galera';
import { mysqlStore } from '../../src/store/sql/mysql/mysql-store';
import type { Store } from '../../src/store/store';

/** Longer than any of these tests: who cannot reach its node for a while is not taken for dead. */
const PATIENT_TTL_MS = 120_000;

/** A database in a cluster. */
export class GaleraDatabase {
  private constructor(
    private readonly cluster: GaleraCluster,
    readonly name: string,
  ) {}

  /** A new one, on every node. */
  static async make(cluster: GaleraCluster): Promise<GaleraDatabase> {
    const name = `tercet_${randomBytes(8).toString('hex')}`;
    await cluster.nodes[0].query(`CREATE DATABASE ${name}`);
    const database = new GaleraDatabase(cluster, name);
    // Elsewhere it is made a moment later.
    for (const node of cluster.nodes) await database.rows(node, 'SELECT 1');
    return database;
  }

  /** Its URL on a node. */
  url(index: 0 | 1 | 2): string {
    return new URL(this.name, this.cluster.nodes[index].url).toString();
  }

  /** A store on a node that is not open yet; closed after the test. */
  store(index: 0 | 1 | 2, nodeTtlMs = PATIENT_TTL_MS): Store {
    return this.storeAt(this.url(index), nodeTtlMs);
  }

  /** A store at a URL of this database that is not open yet; closed after the test. */
  storeAt(url: string, nodeTtlMs = PATIENT_TTL_MS): Store {
    const store = galeraStoreAt(url, nodeTtlMs);
    afterTest(() => store.close());
    return store;
  }

  /** A store on each node, all open: three coordinators that share one store. */
  async stores(): Promise<readonly [Store, Store, Store]> {
    const all = [this.store(0), this.store(1), this.store(2)] as const;
    for (const [i, store] of all.entries()) await store.open(`node-${i}`);
    return [...all];
  }

  /** What a node answers when it has applied everything that any node had committed before. */
  async rows(node: GaleraNode, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return await node.query(`SET STATEMENT wsrep_sync_wait=7 FOR ${sql}`);
  }
}

/** A store that is not open yet, at the URL of a database. */
export function galeraStoreAt(url: string, nodeTtlMs: number): Store {
  const ports = { clock: systemClock, scheduler: systemScheduler, random: systemRandom };
  return mysqlStore({ url, unsafeStore: true, nodeTtlMs, ...ports });
}
