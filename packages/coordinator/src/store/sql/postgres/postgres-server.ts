/**
 * PostgreSQL behind the port {@link SqlServer}.
 *
 * G1 A wave is one statement, a batch one pipeline of them: one network write, one commit, one answer (V1).
 * G2 One connection writes. Beats go the same way, so that a writer that is stuck shows; reads go another way, so that a large
 *    one delays no commit. What judges a write is read by the writer.
 * G3 When the writer gets a new connection the readers get new ones too: all see the same server.
 */
import { TercetError } from '@tercet/core';
import type { Client } from 'pg';
import { listRows } from '../../rows/list-query';
import type { DueRow, FactsRow, LoadedRows } from '../../rows/columns';
import { ROW_FORMAT } from '../../rows/columns';
import { type BranchPayloads, type DueQuery, StoreFailure } from '../../store';
import type { BatchRows } from '../batch-rows';
import type { NodeRow, SqlListRequest, SqlServer, WaveCounts } from '../sql-server';
import { type ConnectOptions, connect, writerSettings } from './connect';
import { migrate } from './migrate';
import { nodeText, replaceStep } from './nodes';
import type { Step, StepResult } from './pipeline';
import { readDue, readFacts, readPayloads, readResult, readTransactions } from './read';
import { Session } from './session';
import { waveCounts, waveStep } from './write-statement';

/** What the server needs: an address, and how much is asked of it. */
export type PostgresServerOptions = ConnectOptions;

/** For how long a server that takes statements but answers none is waited for, ms. More than its own statement timeout. */
const ANSWER_MS = 15_000;
const READERS = 3;

// Two ranges instead of `<>`, which no index answers. The join makes it a compare-and-set: what somebody else took meanwhile
// has another owner.
const others = `open_owner IS NOT NULL AND format <= ${ROW_FORMAT}`;
/** Takes over up to $2 unfinished rows of other owners for $1. */
export const claimText = `WITH found AS (
    (SELECT gid, open_owner FROM transactions WHERE ${others} AND open_owner < $1 LIMIT $2::int4)
    UNION ALL
    (SELECT gid, open_owner FROM transactions WHERE ${others} AND open_owner > $1 LIMIT $2::int4)
    LIMIT $2::int4)
  UPDATE transactions t SET owner = $1, open_owner = $1, epoch = t.epoch + 1
  FROM found WHERE t.gid = found.gid AND t.open_owner = found.open_owner RETURNING t.gid`;

const probeSteps: readonly Step[] = [
  { text: `INSERT INTO probes (filler) VALUES (decode(repeat('00', 16384), 'hex'))`, values: [] },
  { text: 'DELETE FROM probes', values: [] },
];

/** A PostgreSQL server. */
export class PostgresServer implements SqlServer {
  readonly name = 'postgres';
  private owner: string | undefined;
  private sessions: { readonly writer: Session; readonly readers: readonly Session[] } | undefined;

  constructor(private readonly options: PostgresServerOptions) {}

  async connect(): Promise<void> {
    if (this.sessions !== undefined) return;
    const readers = Array.from({ length: READERS }, () => this.session(async () => this.dial()));
    const writer = this.session(async () => {
      const client = await this.dial(writerSettings);
      for (const reader of readers) void reader.renew();
      return client;
    });
    this.sessions = { writer, readers };
    try {
      await writer.alone(migrate);
    } catch (error) {
      await this.close();
      // What only the operator can mend is told as such; later, when the server has been good once, it is a failure.
      throw error instanceof StoreFailure && error.cause instanceof TercetError
        ? error.cause
        : error;
    }
  }

  own(incarnation: string): void {
    this.owner = incarnation;
  }

  async write(waves: readonly BatchRows[]): Promise<readonly WaveCounts[]> {
    if (waves.length === 0) return [];
    const owner = this.me();
    const steps = waves.map((wave) => waveStep(wave, owner));
    const results = await this.writer().write(steps);
    return waves.map((_, i) => waveCounts(results[i]));
  }

  async facts(gids: readonly string[]): Promise<ReadonlyMap<string, FactsRow>> {
    return await readFacts(this.writer(), gids);
  }

  async claim(limit: number): Promise<readonly string[]> {
    const values = [this.me(), String(limit)];
    const [result] = await this.writer().write([{ text: claimText, values }]);
    return (result?.rows ?? []).map(([gid]) => gid ?? '');
  }

  async load(
    gids: readonly string[],
    { owned }: { readonly owned: boolean },
  ): Promise<readonly LoadedRows[]> {
    if (gids.length === 0) return [];
    return await readTransactions(this.reader(), gids, owned ? this.me() : undefined);
  }

  async loadPayloads(gid: string, branchId: string): Promise<BranchPayloads | undefined> {
    return await readPayloads(this.reader(), gid, branchId);
  }

  async loadResult(gid: string): Promise<Uint8Array | undefined> {
    return await readResult(this.reader(), gid);
  }

  async due(query: DueQuery): Promise<readonly DueRow[]> {
    return await readDue(this.reader(), this.me(), query);
  }

  async list(request: SqlListRequest): Promise<readonly unknown[]> {
    const { knex } = await import('knex');
    const builder = knex({ client: 'pg' });
    const session = this.reader();
    return await listRows(
      request,
      { builder, gidStartsWith: 'starts_with(gid, ?)' },
      async (query) => {
        const { sql, bindings } = query.toSQL().toNative();
        return await session.read(sql, bindings);
      },
    );
  }

  async probe(): Promise<void> {
    await this.writer().write(probeSteps);
  }

  async node(): Promise<NodeRow | undefined> {
    const [row] = await this.writer().read<NodeRow>(nodeText);
    return row;
  }

  async replaceNode(seen: NodeRow | undefined, next: NodeRow | undefined): Promise<boolean> {
    const step = replaceStep(seen, next);
    if (step === undefined) return true;
    const [result]: readonly StepResult[] = await this.writer().write([step]);
    return result?.count === 1;
  }

  async close(): Promise<void> {
    const { sessions } = this;
    this.sessions = undefined;
    if (sessions === undefined) return;
    await Promise.all([sessions.writer, ...sessions.readers].map((session) => session.close()));
  }

  private async dial(settings: readonly string[] = []): Promise<Client> {
    return await connect(this.options, settings);
  }

  private session(dial: () => Promise<Client>): Session {
    const { scheduler } = this.options;
    return new Session({ connect: dial, scheduler, answerMs: ANSWER_MS });
  }

  private me(): string {
    if (this.owner === undefined) throw notOpen();
    return this.owner;
  }

  private writer(): Session {
    if (this.sessions === undefined) throw notOpen();
    return this.sessions.writer;
  }

  /** The one with the least to do. */
  private reader(): Session {
    if (this.sessions === undefined) throw notOpen();
    return this.sessions.readers.reduce((a, b) => (b.waiting < a.waiting ? b : a));
  }
}

function notOpen(): StoreFailure {
  return new StoreFailure('unavailable', 'the store is not open');
}
