/**
 * PostgreSQL behind the port {@link SqlServer}.
 *
 * G1 A wave is one statement, a batch one pipeline of them: one network write, one commit, one answer (V1).
 * G2 One connection writes. Beats go the same way, so that a writer that is stuck shows; reads go another way, so that a large
 *    one delays no commit, lists a third one: they alone are planned freely. Retention has a connection of its own. What judges a write is read by the writer.
 * G3 When the writer gets a new connection the readers get new ones too: all see the same server.
 */
import { type Clock, TercetError } from '@tercet/core';
import type { Client } from 'pg';
import { listRows } from '../../rows/list-query';
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
import { claimStep, ownersText } from './claims';
import { type ConnectOptions, byKey, connect } from './connect';
import { expire, finishedAt } from './expiry';
import { beatStep, joinStep, nodesText, removeStep } from './nodes';
import type { Step } from './pipeline';
import { readDue, readFacts, readPayloads, readResult, readTransactions } from './read';
import { schemaSteps } from './schema';
import { schemaPort } from './schema-port';
import { Session } from './session';
import { tombstoneStep } from './tombstone-import';
import { assertSendable, waveCounts, waveStep } from './write-statement';

/** What the server needs. */
export interface PostgresServerOptions extends ConnectOptions {
  /** Makes the name of this process, where it migrates. */
  readonly clock: Clock;
  /** For how long one that migrates and shows no beat is taken for alive, ms. */
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
  /** Largest statement that is sent, its parameters included. Default: 256 MiB. */
  readonly statementBytesMax?: number;
}

/** For how long a server that takes statements but answers none is waited for, ms. More than its own statement timeout. */
const ANSWER_MS = 15_000;
const READERS = 3;
/** A quarter of what the server takes at most. */
const STATEMENT_BYTES_MAX = 256 * 1_024 * 1_024;

const probeSteps: readonly Step[] = [
  { text: `INSERT INTO probes (filler) VALUES (decode(repeat('00', 16384), 'hex'))`, values: [] },
  { text: 'DELETE FROM probes', values: [] },
];

interface Sessions {
  readonly writer: Session;
  readonly readers: readonly Session[];
  /** For lists. */
  readonly lister: Session;
  /** For retention. */
  readonly expirer: Session;
}

/** A PostgreSQL server. */
export class PostgresServer implements SqlServer {
  readonly name = 'postgres';
  private owner: string | undefined;
  private sessions: Sessions | undefined;

  constructor(private readonly options: PostgresServerOptions) {}

  async connect(): Promise<void> {
    if (this.sessions !== undefined) return;
    const readers = Array.from({ length: READERS }, () => this.session(() => this.dial(byKey)));
    const lister = this.session(() => this.dial());
    const expirer = this.session(() => this.dial(byKey));
    const writer = this.session(async () => {
      const client = await this.dial(byKey);
      for (const session of [...readers, lister, expirer]) void session.renew();
      return client;
    });
    this.sessions = { writer, readers, lister, expirer };
    try {
      await migrate({
        ...this.options,
        // Should it not be the only one of this name: steps may be repeated.
        me: `${this.options.where}, ${this.options.clock.now()}`,
        schema: schemaPort(this.reader(), writer),
        steps: schemaSteps,
      });
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
    assertSendable(steps, this.options.statementBytesMax ?? STATEMENT_BYTES_MAX);
    const results = await this.writer().write(steps);
    return waves.map((_, i) => waveCounts(results[i]));
  }

  async facts(gids: readonly string[]): Promise<ReadonlyMap<string, FactsRow>> {
    return await readFacts(this.writer(), gids);
  }

  async claim(from: ClaimQuery): Promise<readonly string[]> {
    const [result] = await this.writer().write([claimStep(from, this.me())]);
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
    const { default: knex } = await import('knex');
    const builder = knex({ client: 'pg' });
    const session = this.open().lister;
    return await listRows(
      request,
      { builder, gidStartsWith: 'starts_with(gid, ?)' },
      async (query) => {
        const { sql, bindings } = query.toSQL().toNative();
        return await session.read(sql, bindings);
      },
    );
  }

  async expire(query: ExpireQuery): Promise<Expired> {
    return await expire(this.open().expirer, query);
  }

  async finishedAt(place: number): Promise<number | undefined> {
    return await finishedAt(this.open().expirer, place);
  }

  async importTombstones(rows: readonly TombstoneRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.writer().write(rows.map((row) => tombstoneStep(row, this.me())));
  }

  async probe(): Promise<void> {
    await this.writer().write(probeSteps);
  }

  async join(node: NodeRow): Promise<void> {
    await this.writer().write([joinStep(node)]);
  }

  async beat(incarnation: string, beat: number): Promise<boolean> {
    return await this.changed(beatStep(incarnation, beat));
  }

  async nodeList(): Promise<readonly NodeRow[]> {
    return await this.writer().read<NodeRow>(nodesText);
  }

  async removeNode(incarnation: string, beat: number | undefined): Promise<boolean> {
    return await this.changed(removeStep(incarnation, beat));
  }

  async openOwners(): Promise<readonly string[]> {
    const rows = await this.reader().read<{ readonly owner: string }>(ownersText);
    return rows.map(({ owner }) => owner);
  }

  async close(): Promise<void> {
    const { sessions } = this;
    this.sessions = undefined;
    if (sessions === undefined) return;
    const { writer, readers, lister, expirer } = sessions;
    await Promise.all([writer, ...readers, lister, expirer].map((session) => session.close()));
  }

  /** Whether a statement of the writer has changed its row. */
  private async changed(step: Step): Promise<boolean> {
    const [result] = await this.writer().write([step]);
    return result?.count === 1;
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
    return this.open().writer;
  }

  /** The one with the least to do. */
  private reader(): Session {
    return this.open().readers.reduce((a, b) => (b.waiting < a.waiting ? b : a));
  }

  private open(): Sessions {
    if (this.sessions === undefined) throw notOpen();
    return this.sessions;
  }
}

function notOpen(): StoreFailure {
  return new StoreFailure('unavailable', 'the store is not open');
}
