/**
 * One node among those that share a store: it shows that it lives, and sees who does not. Death is detected, not proven: what
 * protects is the guard of every row. No clocks are compared.
 *
 * N1 A round every ttl/4: the own beat goes the way that batches go, then all nodes are read. A node whose beat stood still over
 *    as many good rounds in a row as make a full ttl is removed by compare-and-set on its beat.
 * N2 Only time counts in which this node itself could write: a round that failed, or took longer than ttl/4, and a pause of this
 *    process set all counts back. A store that stalls for longer than the ttl makes nobody remove anybody.
 * N3 A node whose beat matches no row was removed. It never becomes a node again: a new incarnation does.
 * N4 A beat that could not be written is no reason to stop, only a reason to tell: N3 alone is.
 * N5 A node says goodbye by removing its own row: others need not wait.
 */
import type { Clock, Scheduler, Timer } from '@tercet/core';
import { StoreFailure, removedFailure } from '../store';
import { BeatWatch } from './beat-watch';
import type { NodeRow, SqlServer } from './sql-server';

/** What a membership needs. */
export interface MembershipDeps {
  readonly server: Pick<SqlServer, 'join' | 'beat' | 'nodeList' | 'removeNode'>;
  /** Only to notice that this process stood still; never compared with another machine's. */
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** For how long a node whose beat stands still is taken for alive, ms. */
  readonly nodeTtlMs: number;
  /** Host and process, for people. */
  readonly where: string;
  /** The newest row format that this node reads. */
  readonly format: number;
  /** A node has gone, or was taken for dead. */
  readonly onGone: () => void;
  /** This node was removed (N3). Told once. */
  readonly onRemoved: () => void;
  /** A round failed (N4). Told again and again while it lasts. */
  readonly onTrouble: (failure: StoreFailure) => void;
}

/** Rounds in each ttl. */
const PARTS = 4;

/** For how long a goodbye is waited for, ms. */
const GOODBYE_MS = 1_000;

/** The life of one incarnation among the nodes of a store. */
export class Membership {
  private readonly watch = new BeatWatch(PARTS);
  private readonly partMs: number;
  private lastBeat = 0;
  private timer: Timer | undefined;
  /** When the last round ended, by the wall clock. */
  private endedAt = 0;
  private isRemoved = false;
  private over = false;
  private common: number;

  constructor(
    private readonly deps: MembershipDeps,
    private readonly incarnation: string,
  ) {
    this.partMs = deps.nodeTtlMs / PARTS;
    this.common = deps.format;
  }

  /** The newest row format that all live nodes read, as of the last round. */
  get format(): number {
    return this.common;
  }

  /** Makes this incarnation a node; beats go on until `leave`. Rejects with StoreFailure: then it may or may not be one. */
  async join(): Promise<void> {
    const { server, where, format } = this.deps;
    this.lastBeat = 1;
    await server.join({ incarnation: this.incarnation, beat: 1, where, format });
    this.look(await server.nodeList());
    this.plan();
  }

  /** Throws StoreFailure `unavailable`, reason `removed`, once this node knows that it was removed. */
  check(): void {
    if (this.isRemoved) throw removedFailure();
  }

  /** N5. Never rejects; where the store does not answer, the others find out after the ttl. */
  async leave(): Promise<void> {
    this.over = true;
    this.timer?.cancel();
    if (this.isRemoved) return;
    const { server, scheduler } = this.deps;
    await new Promise<void>((resolve) => {
      const timer = scheduler.after(GOODBYE_MS, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      server.removeNode(this.incarnation, undefined).then(done, done);
    });
  }

  private plan(): void {
    if (this.over) return;
    this.endedAt = this.deps.clock.now();
    this.timer = this.deps.scheduler.after(this.partMs, () => {
      void this.round().then(() => this.plan());
    });
  }

  /** N1, N2. Never rejects. */
  private async round(): Promise<void> {
    const slept = this.deps.clock.now() - this.endedAt;
    // A wall clock that was set back hides a pause, one that was set forward feigns one: both cost no more than time.
    if (slept < 0 || slept > 2 * this.partMs) this.watch.startAnew();
    let late = false;
    const alarm = this.deps.scheduler.after(this.partMs, () => (late = true));
    try {
      if (!(await this.beat())) return;
      const nodes = await this.deps.server.nodeList();
      if (this.over) return;
      const dead = this.look(nodes);
      if (late) this.watch.startAnew();
      else await this.bury(dead);
    } catch (error) {
      this.failed(error);
    } finally {
      alarm.cancel();
    }
  }

  /** False where nothing more is to be done. */
  private async beat(): Promise<boolean> {
    this.lastBeat += 1;
    const beaten = await this.deps.server.beat(this.incarnation, this.lastBeat);
    if (this.over) return false;
    if (beaten) return true;
    this.over = true;
    this.isRemoved = true;
    this.deps.onRemoved();
    return false;
  }

  /** Takes in who is there; answers who shows no sign of life. */
  private look(nodes: readonly NodeRow[]): readonly NodeRow[] {
    this.common = Math.min(this.deps.format, ...nodes.map(({ format }) => format));
    const others = nodes.filter(({ incarnation }) => incarnation !== this.incarnation);
    const { gone, dead } = this.watch.look(others);
    if (gone.length > 0) this.deps.onGone();
    return dead;
  }

  private async bury(dead: readonly NodeRow[]): Promise<void> {
    for (const { incarnation, beat } of dead) {
      // Lost = it has beaten again, or somebody else was faster: the next look tells which.
      if (!(await this.deps.server.removeNode(incarnation, beat)) || this.over) continue;
      this.watch.forget(incarnation);
      this.deps.onGone();
    }
  }

  private failed(error: unknown): void {
    this.watch.startAnew();
    // A conflict is none of the store's troubles.
    if (!(error instanceof StoreFailure) || error.kind === 'transient' || this.over) return;
    this.deps.onTrouble(error);
  }
}
