/**
 * MySQL and MariaDB as {@link SqlServer}. Four connections: one writes and reads what was written, one reads, one looks after
 * the nodes, so that neither a long read nor a large batch holds up a look at them, and one expires what has finished. Beats go
 * where batches go.
 */
import type { Clock, Scheduler } from '@tercet/core';
import type { DueRow, FactsRow, LoadedRows } from '../../rows/columns';
import type { TombstoneRow } from '../../rows/tombstone-row';
import {
  type BranchPayloads,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  StoreFailure,
} from '../../store';
import type { BatchRows } from '../batch-rows';
import { migrate } from '../migrate';
import type { ClaimQuery, NodeRow, SqlListRequest, SqlServer, WaveCounts } from '../sql-server';
import type { MysqlAddress } from './address';
import { writeBatch } from './batch-write';
import { blockForm } from './block-form';
import { claimPage, readOpenOwners } from './claims';
import { expire, finishedAt } from './expiry';
import { readList } from './list';
import { word } from './literals';
import { migrations } from './migrations';
import { beatNode, joinNode, readNodes, removeNode } from './nodes';
import { packetForm } from './packet-form';
import { readServer, type ServerFacts } from './prerequisites';
import { readDue, readFacts, readPayloads, readResult, readWhole } from './reads';
import { schemaPort } from './schema';
import { Session } from './session';
import { firstSetup, setupOf } from './session-setup';
import { sqlBuilder } from './sql-builder';
import { importTombstones } from './tombstone-import';
import { runTransaction } from './transaction';

/** What the server needs. */
export interface MysqlServerDeps {
  readonly address: MysqlAddress;
  /** Take a server that may lose commits. */
  readonly unsafeStore: boolean;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
  /** Send transactions as on a Galera cluster, wherever the server is. Default: only where it is one. For tests. */
  readonly blocks?: boolean;
}

type SessionName = 'writer' | 'reader' | 'keeper' | 'expirer';

/** A server, or several that act as one. */
export class MysqlServer implements SqlServer {
  readonly name = 'mysql';
  private sessions: Record<SessionName, Session> | undefined;
  private owner: string | undefined;
  private packetBytesMax = 0;

  constructor(private readonly deps: MysqlServerDeps) {}

  async connect(): Promise<void> {
    const { address, scheduler, where } = this.deps;
    const facts = await this.look();
    const form = facts.isCluster || this.deps.blocks === true ? blockForm : packetForm;
    const [write, read] = [setupOf('write', form), setupOf('read', form)];
    const sessions = {
      writer: new Session({ address, scheduler, form, setup: write }),
      reader: new Session({ address, scheduler, form, setup: read }),
      keeper: new Session({ address, scheduler, form, setup: write }),
      expirer: new Session({ address, scheduler, form, setup: write }),
    };
    this.sessions = sessions;
    this.packetBytesMax = facts.packetBytesMax;
    await migrate({
      ...this.deps,
      // Should it not be the only one of this name: steps may be repeated (M1).
      me: `${where}, ${this.deps.clock.now()}`,
      schema: schemaPort(sessions.keeper, sessions.writer),
      steps: migrations(sqlBuilder()),
    });
  }

  private async look(): Promise<ServerFacts> {
    const { address, scheduler, unsafeStore } = this.deps;
    const session = new Session({ address, scheduler, form: packetForm, setup: firstSetup });
    try {
      return await readServer(session, unsafeStore);
    } finally {
      await session.close();
    }
  }

  own(incarnation: string): void {
    this.owner = incarnation;
  }

  async write(waves: readonly BatchRows[]): Promise<readonly WaveCounts[]> {
    const session = this.session('writer');
    const { packetBytesMax } = this;
    const facts = (gids: readonly string[]) => readFacts(session, gids);
    return await writeBatch({ session, me: this.me(), packetBytesMax, facts }, waves);
  }

  async facts(gids: readonly string[]): Promise<ReadonlyMap<string, FactsRow>> {
    return await readFacts(this.session('writer'), gids);
  }

  async claim(from: ClaimQuery): Promise<readonly string[]> {
    return await claimPage(this.session('writer'), from, this.me());
  }

  async load(
    gids: readonly string[],
    { owned }: { readonly owned: boolean },
  ): Promise<readonly LoadedRows[]> {
    return await readWhole(this.session('reader'), gids, owned ? this.me() : undefined);
  }

  async loadPayloads(gid: string, branchId: string): Promise<BranchPayloads | undefined> {
    return await readPayloads(this.session('reader'), gid, branchId);
  }

  async loadResult(gid: string): Promise<Uint8Array | undefined> {
    return await readResult(this.session('reader'), gid);
  }

  async due(query: DueQuery): Promise<readonly DueRow[]> {
    return await readDue(this.session('reader'), this.me(), query);
  }

  async list(request: SqlListRequest): Promise<readonly unknown[]> {
    return await readList(this.session('reader'), request);
  }

  async expire(query: ExpireQuery): Promise<Expired> {
    return await expire(this.session('expirer'), query);
  }

  async finishedAt(place: number): Promise<number | undefined> {
    return await finishedAt(this.session('expirer'), place);
  }

  async importTombstones(rows: readonly TombstoneRow[]): Promise<void> {
    await importTombstones(this.session('writer'), this.me(), rows);
  }

  async probe(): Promise<void> {
    const me = word(this.me());
    const fill = `INSERT INTO probes (node,filler) VALUES (${me},x'${'00'.repeat(8_192)}')`;
    const clear = `DELETE FROM probes WHERE node=${me}`;
    await runTransaction(this.session('writer'), [fill, clear], 'write');
  }

  async join(node: NodeRow): Promise<void> {
    await joinNode(this.session('keeper'), node);
  }

  async beat(incarnation: string, beat: number): Promise<boolean> {
    return await beatNode(this.session('writer'), incarnation, beat);
  }

  async nodeList(): Promise<readonly NodeRow[]> {
    return await readNodes(this.session('keeper'));
  }

  async removeNode(incarnation: string, beat: number | undefined): Promise<boolean> {
    return await removeNode(this.session('keeper'), incarnation, beat);
  }

  async openOwners(): Promise<readonly string[]> {
    return await readOpenOwners(this.session('keeper'));
  }

  async close(): Promise<void> {
    const { sessions } = this;
    this.sessions = undefined;
    await Promise.all(Object.values(sessions ?? {}).map((session) => session.close()));
  }

  private session(which: SessionName): Session {
    const session = this.sessions?.[which];
    if (session === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return session;
  }

  private me(): string {
    if (this.owner === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return this.owner;
  }
}
