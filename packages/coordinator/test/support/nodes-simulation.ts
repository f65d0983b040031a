/** Several coordinators on one shared memory store, played with seeded randomness. */
import {
  type BranchId,
  type CallReply,
  type Gid,
  type GlobalTransaction,
  type Scheduler,
  TercetError,
  type TransactionEvent,
} from '@tercet/core';
import { ManualTime, SeededRandom, anOpening } from '@tercet/core/testing';
import type { ConnectionState } from '@tercet/runtime';
import { Engine } from '../../src/engine/engine';
import { Lives } from '../../src/engine/lives';
import type { EngineCommands } from '../../src/engine/present-engine';
import type { ParticipantCall, ParticipantCaller } from '../../src/participant/participant-caller';
import { MemoryStore } from '../../src/store/memory-store';
import { SharedMemory } from '../../src/store/shared-memory';
import { type OperationResult, StoreFailure, type StoreOperation } from '../../src/store/store';
import { FaultyStore } from '../../src/testing/faulty-store';
import { branches, roomyLimits, run } from './engine-world';
import { RecordingLogger } from './recording-logger';
import { failed, ok } from './scripted-caller';

/** One process of several. While it is paused nothing of it moves: timers, writes and answers come when it goes on. */
export class SimNode implements Scheduler, ParticipantCaller {
  readonly logger = new RecordingLogger();
  readonly store: SimStore;
  readonly lives: Lives;
  /** Incarnations so far, the present one last. */
  readonly names: string[] = [];
  private paused: (() => void)[] | undefined;
  over = false;

  constructor(
    readonly sim: NodesSimulation,
    readonly name: string,
  ) {
    this.store = new SimStore(this);
    const { random, time } = sim;
    this.lives = new Lives({
      store: this.store,
      scheduler: this,
      random,
      logger: this.logger,
      newIncarnation: () => {
        const incarnation = `${name}-${this.names.length + 1}`;
        this.names.push(incarnation);
        return incarnation;
      },
      newEngine: (incarnation, onDoubt) =>
        new Engine({
          store: this.store,
          caller: this,
          clock: time,
          scheduler: this,
          random,
          logger: this.logger,
          limits: { ...roomyLimits, residentMax: sim.residentMax },
          clockSkewMs: 5_000,
          nodeTtlMs: 2_000,
          incarnation,
          onDoubt,
        }),
      onChange: () => undefined,
    });
  }

  get commands(): EngineCommands {
    return this.lives.present;
  }

  /** Stands still, as after SIGSTOP. */
  pause(): void {
    this.paused ??= [];
  }

  /** Goes on with everything that came meanwhile. */
  resume(): void {
    const waiting = this.paused ?? [];
    this.paused = undefined;
    for (const work of waiting) work();
  }

  get isPaused(): boolean {
    return this.paused !== undefined;
  }

  /** Runs work when the process moves; never once it is dead. */
  private moving(work: () => void): void {
    if (this.over) return;
    if (this.paused === undefined) work();
    else this.paused.push(() => this.moving(work));
  }

  /** Resolves when the process moves. */
  awake(): Promise<void> {
    return new Promise((resolve) => this.moving(resolve));
  }

  after(delayMs: number, work: () => void): { cancel(): void } {
    let cancelled = false;
    const timer = this.sim.time.after(delayMs, () =>
      this.moving(() => (cancelled ? undefined : work())),
    );
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  soon(work: () => void): void {
    this.sim.time.soon(() => this.moving(work));
  }

  async call(call: ParticipantCall): Promise<CallReply> {
    await this.awake();
    const reply = this.sim.participate(call);
    const latency = this.sim.below(300);
    await new Promise<void>((resolve) => this.sim.time.after(latency, resolve));
    await this.awake();
    return reply;
  }

  connection(): ConnectionState {
    return 'unknown';
  }

  whenReady(): () => void {
    return () => undefined;
  }

  close(): void {}
}

/**
 * Its store: writes that are on their way when it is paused arrive late; reads and claims fail now and then. A close ends what
 * is on its way: nothing of it is carried out under the next name.
 */
class SimStore extends FaultyStore {
  private openings = 0;

  constructor(private readonly node: SimNode) {
    super(new MemoryStore({ shared: node.sim.shared }));
  }

  override async open(incarnation: string): Promise<void> {
    await super.open(incarnation);
    this.openings++;
  }

  override async close(): Promise<void> {
    this.openings++;
    await super.close();
  }

  override write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    return this.onItsWay(20, () => super.write(batch));
  }

  override claim(limit: number): Promise<readonly GlobalTransaction[]> {
    const { sim } = this.node;
    return this.onItsWay(20, async () => {
      if (!sim.healthy && sim.chance(0.1)) throw new StoreFailure('unavailable', 'not claimed');
      const page = await super.claim(limit);
      if (!sim.healthy && sim.chance(0.05)) throw new StoreFailure('unknown', 'claimed?');
      return page;
    });
  }

  override facts(gid: Gid): ReturnType<FaultyStore['facts']> {
    return this.reading(() => super.facts(gid));
  }

  override loadOwned(gid: Gid): Promise<GlobalTransaction | undefined> {
    return this.reading(() => super.loadOwned(gid));
  }

  override loadMany(gids: readonly Gid[]): Promise<readonly GlobalTransaction[]> {
    return this.reading(() => super.loadMany(gids));
  }

  private reading<T>(work: () => Promise<T>): Promise<T> {
    const { sim } = this.node;
    if (!sim.healthy && sim.chance(0.05)) {
      return Promise.reject(new StoreFailure('unavailable', 'not readable'));
    }
    return this.onItsWay(3, work);
  }

  /** There, and back: the process may stand still on both ways. */
  private async onItsWay<T>(latencyMs: number, work: () => Promise<T>): Promise<T> {
    const { openings } = this;
    await this.travel(latencyMs);
    if (openings !== this.openings) throw new StoreFailure('unavailable', 'it was closed');
    const result = await work();
    await this.travel(latencyMs);
    return result;
  }

  private async travel(latencyMs: number): Promise<void> {
    const { sim } = this.node;
    const delay = sim.below(latencyMs);
    if (delay > 0) await new Promise<void>((resolve) => sim.time.after(delay, resolve));
    await this.node.awake();
  }
}

/** One seeded run. */
export class NodesSimulation {
  readonly time = new ManualTime();
  readonly random: SeededRandom;
  readonly shared = new SharedMemory();
  readonly nodes: SimNode[] = [];
  readonly residentMax: number;
  /** What reached participants: `gid/branch` → phases. */
  readonly effects = new Map<string, Set<string>>();
  /** The first decision that each row showed; it must never change. */
  readonly decided = new Map<string, string>();
  /** Decisions that changed; must stay empty. */
  readonly changed: string[] = [];
  /** What an initiator was told. */
  readonly told = new Map<string, string>();
  /** Those who still wait for an answer. */
  readonly asking = new Set<object>();
  healthy = false;
  count = { removals: 0, pauses: 0, kills: 0, takeovers: 0, faults: 0, lives: 0 };

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.residentMax = this.chance(0.3) ? 1 + this.below(4) : roomyLimits.residentMax;
  }

  chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  below(bound: number): number {
    return Math.floor(this.random.unit() * bound);
  }

  anyNode(): SimNode {
    return this.nodes[this.below(this.nodes.length)] as SimNode;
  }

  /** Starts another process. */
  async boot(name: string): Promise<void> {
    const node = new SimNode(this, name);
    this.nodes.push(node);
    let started = false;
    void node.lives.start().then(() => (started = true));
    while (!started) await this.time.advance(5);
  }

  /** Kills one without a goodbye, and starts another in its place. Somebody notices. */
  async kill(): Promise<void> {
    const node = this.anyNode();
    node.over = true;
    this.nodes.splice(this.nodes.indexOf(node), 1);
    this.count.kills++;
    this.count.lives += node.names.length;
    this.time.after(this.below(3_000), () => this.shared.remove(node.names.at(-1) ?? ''));
    await this.boot(`n${this.count.kills + 3}`);
  }

  /** Pauses one, most often for longer than the others wait, so that it goes on as a zombie for a while. */
  pause(): void {
    const node = this.anyNode();
    if (node.isPaused) return;
    node.pause();
    this.count.pauses++;
    const zombie = this.chance(0.7) ? node.names.at(-1) : undefined;
    if (zombie !== undefined) this.shared.remove(zombie, { told: false });
    this.time.after(100 + this.below(2_000), () => {
      node.resume();
      if (zombie === undefined) return;
      this.time.after(this.below(500), () => this.shared.findOut(zombie));
    });
  }

  /** Takes one for dead that is alive. */
  remove(): void {
    this.count.removals++;
    this.shared.remove(this.anyNode().names.at(-1) ?? '');
  }

  injectFault(): void {
    const kinds = ['transient', 'unavailable', 'unknown', 'unknown'] as const;
    const kind = kinds[this.below(kinds.length)] ?? 'unknown';
    this.anyNode().store.failNext(kind, { applied: kind === 'unknown' && this.chance(0.5) });
    this.count.faults++;
  }

  /** Looks at every row: what was decided once stays so. */
  watch(): void {
    for (const [gid, { tx }] of this.shared.rows) {
      if (tx.status === 'trying') continue;
      const kind = tx.status.startsWith('confirm') ? 'confirmed' : 'cancelled';
      const before = this.decided.get(gid) ?? kind;
      if (before !== kind) this.changed.push(gid);
      this.decided.set(gid, before);
    }
  }

  participate(call: ParticipantCall): CallReply {
    const { gid, branchId, phase } = call.context;
    if (!this.healthy && this.chance(0.2)) return failed('UNAVAILABLE', 'lost on its way');
    const key = `${gid}/${branchId}`;
    this.effects.set(key, (this.effects.get(key) ?? new Set()).add(phase));
    return !this.healthy && this.chance(0.1) ? failed('UNAVAILABLE', 'answer lost') : ok;
  }

  /** Asks a node, any time another one; a lost or retryable answer is asked again, everything else is final. */
  async ask(gid: Gid, event: TransactionEvent): Promise<GlobalTransaction | TercetError> {
    for (;;) {
      const lost = new Promise<undefined>((resolve) =>
        this.time.after(2_000, () => resolve(undefined)),
      );
      const answer = this.anyNode()
        .commands.submit(gid, event)
        .catch((error: unknown) => error as TercetError);
      const heard = await Promise.race([answer, lost]);
      if (heard instanceof TercetError && !heard.retryable) return heard;
      if (heard !== undefined && !(heard instanceof TercetError)) return heard;
      await new Promise<void>((resolve) => this.time.after(this.below(200), resolve));
    }
  }

  /** An operator or a client at any node. */
  bother(gid: Gid): void {
    const { commands } = this.anyNode();
    const work = this.chance(0.5)
      ? commands.operate(gid, { kind: 'retry', branchIds: [] })
      : commands.wait(gid, { fact: 'settled', timeoutMs: this.below(5_000) });
    work.catch(() => undefined);
  }

  async initiator(gid: Gid): Promise<void> {
    const token = {};
    this.asking.add(token);
    await this.lifeOf(gid);
    this.asking.delete(token);
  }

  private async lifeOf(gid: Gid): Promise<void> {
    const specs = branches('1', '2', '3');
    const register = { kind: 'register', runId: run } as const;
    const opening = anOpening({ timeoutMs: 15_000 });
    for (const [i, spec] of specs.entries()) {
      const event = { ...register, opening: i === 0 ? opening : undefined, branches: [spec] };
      if ((await this.ask(gid, event)) instanceof TercetError) return;
      if (this.chance(0.03)) return;
    }
    const branchIds = specs.map(({ id }) => id);
    const tries = new Map(branchIds.map((id): [BranchId, 'done'] => [id, 'done']));
    const decision = this.chance(0.6)
      ? ({ kind: 'commit', runId: run, branchIds } as const)
      : ({ kind: 'rollback', runId: run, reason: 'no', tries } as const);
    const decided = await this.ask(gid, decision);
    if (decided instanceof TercetError) return;
    this.told.set(gid, decided.status.startsWith('confirm') ? 'confirmed' : 'cancelled');
  }
}
