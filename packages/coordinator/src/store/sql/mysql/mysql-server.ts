/**
 * MySQL and MariaDB as {@link SqlServer}. Three connections: one writes and reads what was written, one reads, one keeps the
 * node's claim, so that neither a long read nor a large batch holds up a beat.
 */
import type { Clock, Scheduler } from '@tercet/core';
import type { DueRow, FactsRow, LoadedRows } from '../../rows/columns';
import { ROW_FORMAT } from '../../rows/columns';
import { type BranchPayloads, type DueQuery, StoreFailure } from '../../store';
import type { BatchRows } from '../batch-rows';
import { migrate } from '../migrate';
import type { NodeRow, SqlListRequest, SqlServer, WaveCounts } from '../sql-server';
import type { MysqlAddress } from './address';
import { writeBatch } from './batch-write';
import { readList } from './list';
import { text, whole } from './literals';
import { migrations } from './migrations';
import { readNode, replaceNode } from './node-row';
import { readServer } from './prerequisites';
import { readDue, readFacts, readPayloads, readResult, readWhole } from './reads';
import { schemaPort } from './schema';
import { Session } from './session';
import { readerSetup, writerSetup } from './session-setup';
import { sqlBuilder } from './sql-builder';

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
}

/** A server, or several that act as one. */
export class MysqlServer implements SqlServer {
  readonly name = 'mysql';
  private sessions: Record<'writer' | 'reader' | 'keeper', Session> | undefined;
  private owner: string | undefined;
  private packetBytesMax = 0;

  constructor(private readonly deps: MysqlServerDeps) {}

  async connect(): Promise<void> {
    const { address, scheduler } = this.deps;
    const writing = { address, scheduler, setup: writerSetup };
    const sessions = {
      writer: new Session(writing),
      reader: new Session({ address, scheduler, setup: readerSetup }),
      keeper: new Session(writing),
    };
    this.sessions = sessions;
    const { packetBytesMax } = await readServer(sessions.keeper, this.deps.unsafeStore);
    this.packetBytesMax = packetBytesMax;
    await migrate({
      ...this.deps,
      // Should it not be the only one of this name: steps may be repeated (M1).
      me: `${this.deps.where}, ${this.deps.clock.now()}`,
      schema: schemaPort(sessions.keeper, sessions.writer),
      steps: migrations(sqlBuilder()),
    });
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

  async claim(limit: number): Promise<readonly string[]> {
    const [session, me] = [this.session('writer'), text(this.me())];
    const theirs = `FROM transactions FORCE INDEX (transactions_open) WHERE format<=${ROW_FORMAT} AND open_owner`;
    const part = (range: string): string =>
      `(SELECT gid,owner,epoch ${theirs}${range}${me} LIMIT ${whole(limit)})`;
    // Two ranges instead of `<>`, which no index answers.
    const [found] = await session.run([
      `${part('<')} UNION ALL ${part('>')} LIMIT ${whole(limit)}`,
    ]);
    const rows = (found?.rows ?? []) as unknown as readonly (FactsRow & { readonly gid: string })[];
    if (rows.length === 0) return [];
    const gids = rows.map(({ gid }) => gid).sort();
    const list = gids.map(text).join(',');
    const seen = rows.map(({ gid, owner, epoch }) => {
      return `(${text(gid)},${text(owner)},${whole(epoch)})`;
    });
    await session.run([
      `UPDATE transactions FORCE INDEX (PRIMARY) SET owner=${me},open_owner=${me},epoch=epoch+1` +
        ` WHERE gid IN (${list}) AND (gid,owner,epoch) IN (${seen.join(',')}) AND open_owner IS NOT NULL`,
    ]);
    const facts = await readFacts(session, gids);
    return gids.filter((gid) => facts.get(gid)?.owner === this.owner);
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

  async probe(): Promise<void> {
    const page = `x'${'00'.repeat(8_192)}'`;
    const fill = `INSERT INTO probes (filler) VALUES (${page})`;
    await this.session('writer').run(['BEGIN', fill, 'DELETE FROM probes', 'COMMIT']);
  }

  async node(): Promise<NodeRow | undefined> {
    return await readNode(this.session('keeper'));
  }

  async replaceNode(seen: NodeRow | undefined, next: NodeRow | undefined): Promise<boolean> {
    return await replaceNode(this.session('keeper'), seen, next);
  }

  async close(): Promise<void> {
    const { sessions } = this;
    this.sessions = undefined;
    await Promise.all(Object.values(sessions ?? {}).map((session) => session.close()));
  }

  private session(which: 'writer' | 'reader' | 'keeper'): Session {
    const session = this.sessions?.[which];
    if (session === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return session;
  }

  private me(): string {
    if (this.owner === undefined) throw new StoreFailure('unavailable', 'the store is not open');
    return this.owner;
  }
}
