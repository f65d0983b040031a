/** A whole engine on the memory store, played with seeded randomness: what it does and what is done to it. */
import {
  type BranchId,
  type CallReply,
  type Gid,
  type GlobalTransaction,
  type OperatorEvent,
  type PhaseTwoOrder,
  TercetError,
  type TransactionEvent,
  findBranch,
} from '@tercet/core';
import { ManualTime, SeededRandom, anOpening } from '@tercet/core/testing';
import { Engine } from '../../src/engine/engine';
import { silentLogger } from '../../src/observability/logger';
import type { ParticipantCall } from '../../src/participant/participant-caller';
import { MemoryStore } from '../../src/store/memory-store';
import { Life, LifeStore, brokenHooks } from './engine-life';
import { branches, roomyLimits, run } from './engine-world';
import { failed, ok } from './scripted-caller';

/** One seeded run. */
export class Simulation {
  readonly time = new ManualTime();
  readonly random: SeededRandom;
  readonly memory = new MemoryStore();
  /** Every call that reached a participant: `gid/branch` → phases. */
  readonly effects = new Map<string, Set<string>>();
  /** Decisions that an initiator was told. */
  readonly told = new Map<string, string>();
  /** Orders of phase two, as they were drawn. */
  readonly orders = new Map<string, PhaseTwoOrder>();
  /** What an operator vouched for: `gid/branch`. */
  readonly resolved = new Set<string>();
  /** Calls that came before the predecessor's work was done; must stay empty. */
  readonly early: string[] = [];
  /** Branches that were called while a call of the same life was under way; must stay empty. */
  readonly doubled: string[] = [];
  /** Waits and orders under way in this life: each has to end. */
  private readonly pending = new Set<object>();
  healthy = false;
  /** There is no connection to anybody. */
  cut = false;
  parked = 0;
  crashes = 0;
  faults = 0;
  private life!: Life;
  private store!: LifeStore;
  private engine!: Engine;

  private limits: typeof roomyLimits;
  private readonly hooked: boolean;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const tight = this.chance(0.5);
    this.hooked = this.chance(0.5);
    this.limits = {
      ...roomyLimits,
      residentMax: tight ? 1 + this.below(6) : roomyLimits.residentMax,
      payloadCacheBytesMax: this.chance(0.5) ? 1_000 : roomyLimits.payloadCacheBytesMax,
      targetConcurrencyMax: this.chance(0.5) ? 1 + this.below(3) : roomyLimits.targetConcurrencyMax,
    };
  }

  chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  /** A whole number below `bound`: clocks count whole milliseconds. */
  below(bound: number): number {
    return Math.floor(this.random.unit() * bound);
  }

  /** What the engine counts as unfinished. */
  get unfinished(): Engine['unfinished'] {
    return this.engine.unfinished;
  }

  /** Transactions in memory, and unfinished ones that are not. */
  get residentCount(): number {
    return this.engine.residentCount;
  }

  get absentCount(): number {
    return this.engine.absentCount;
  }

  async boot(): Promise<void> {
    this.life = new Life(this);
    this.store = new LifeStore(this.memory, this.life);
    this.engine = new Engine({
      store: this.store,
      caller: this.life,
      clock: this.time,
      scheduler: this.life,
      random: this.random,
      logger: silentLogger,
      limits: this.limits,
      clockSkewMs: 5_000,
      nodeTtlMs: 10_000,
      incarnation: `life-${this.crashes}`,
      interceptors: this.hooked ? [brokenHooks(this)] : [],
    });
    await this.store.open(`life-${this.crashes}`);
    let started = false;
    void this.engine.start().then(() => (started = true));
    while (!started) await this.time.advance(5);
  }

  async crash(): Promise<void> {
    this.crashes++;
    this.life.over = true;
    this.pending.clear();
    await this.memory.close();
    if (this.chance(0.2)) this.limits = { ...this.limits, residentMax: 1 };
    await this.boot();
  }

  /** Stops in good order, and starts again. */
  async restart(): Promise<void> {
    let stopped = false;
    void this.engine.stop(1_000).then(() => (stopped = true));
    while (!stopped) await this.time.advance(50);
    await this.crash();
  }

  /** Waits and orders of this life that have not ended. */
  get unanswered(): number {
    return this.pending.size;
  }

  /** Somebody asks about a transaction and waits. */
  wait(gid: Gid): void {
    const fact = (['decided', 'executed', 'settled'] as const)[this.below(3)] ?? 'decided';
    this.watch(this.engine.wait(gid, { fact, timeoutMs: this.below(3_000) }));
  }

  /** An operator is impatient: at any moment, whatever the state of the transaction is. */
  retrySoon(gid: Gid): void {
    const kind = this.chance(0.5) ? 'retry' : 'resume';
    this.time.after(this.below(400), () =>
      this.watch(this.engine.operate(gid, { kind, branchIds: [] })),
    );
  }

  private watch(work: Promise<unknown>): void {
    this.pending.add(work);
    const over = (): void => void this.pending.delete(work);
    work.then(over, over);
  }

  async participate(call: ParticipantCall): Promise<CallReply> {
    const { gid, branchId, phase } = call.context;
    if (!this.healthy && (this.cut || this.chance(0.2))) {
      return failed('UNAVAILABLE', 'lost before it arrived');
    }
    const key = `${gid}/${branchId}`;
    this.watchOrder(gid, branchId);
    if (!this.healthy && this.chance(0.07)) {
      this.parked++;
      return failed('FAILED_PRECONDITION', 'ask Ann', { verdict: 'park' });
    }
    this.effects.set(key, (this.effects.get(key) ?? new Set()).add(phase));
    await new Promise<void>((resolve) => this.time.after(this.below(50), resolve));
    if (!this.healthy && this.chance(0.2))
      return failed('DEADLINE_EXCEEDED', 'the answer was lost');
    return ok;
  }

  /** An operator looks at what is parked, and resumes or resolves one of it. */
  async operator(): Promise<void> {
    const found = await this.engine.stuck().catch(() => []);
    const parked = found.filter(({ branch }) => branch.parked);
    const one = parked[this.below(Math.max(1, parked.length))];
    if (one === undefined) return;
    const { gid, status } = one.tx;
    const branchId = one.branch.spec.id;
    const resume: OperatorEvent = { kind: 'resume', branchIds: [branchId] };
    const asserted = status === 'confirming' ? 'confirmed' : 'cancelled';
    const by = { by: 'ann', reason: 'by hand' };
    const event = this.chance(0.5)
      ? resume
      : { kind: 'resolve' as const, branchId, asserted, ...by };
    this.watch(this.engine.operate(gid, event as OperatorEvent));
  }

  /** Resumes everything that is parked, and nothing else: what is not has to go on by itself. */
  async resumeAll(): Promise<void> {
    for (const { tx, branch } of await this.engine.stuck()) {
      if (!branch.parked) continue;
      this.watch(this.engine.operate(tx.gid, { kind: 'resume', branchIds: [branch.spec.id] }));
    }
  }

  private watchOrder(gid: Gid, branchId: BranchId): void {
    const order = this.orders.get(gid);
    const before = order === 'registration' ? Number(branchId) - 1 : Number(branchId) + 1;
    if (order === 'all' || before < 1 || before > 3) return;
    const key = `${gid}/${before}`;
    if (!this.effects.has(key) && !this.resolved.has(key))
      void this.tooEarly(gid, branchId, before);
  }

  /** Nobody called the predecessor: then it was never registered, or an operator has vouched for it. */
  private async tooEarly(gid: Gid, branchId: BranchId, before: number): Promise<void> {
    const tx = await this.memory.load(gid);
    const predecessor = tx && findBranch(tx, String(before) as BranchId);
    if (predecessor !== undefined && predecessor.verdict === undefined)
      this.early.push(`${gid}/${branchId}`);
  }

  injectFault(): void {
    const kinds = ['transient', 'unavailable', 'unknown', 'unknown'] as const;
    const kind = kinds[this.below(kinds.length)] ?? 'unknown';
    this.store.failNext(kind, { applied: kind === 'unknown' && this.chance(0.5) });
    this.faults++;
  }

  /** Repeats an event like an SDK does: a lost or retryable answer is asked again, everything else is final. */
  async ask(gid: Gid, event: TransactionEvent): Promise<GlobalTransaction | TercetError> {
    for (;;) {
      const { life } = this;
      const lost = new Promise<undefined>((resolve) =>
        this.time.after(2_000, () => resolve(undefined)),
      );
      const answer = this.engine.submit(gid, event).catch((error: unknown) => error as TercetError);
      const heard = await Promise.race([answer, lost]);
      if (heard instanceof TercetError && !heard.retryable) return heard;
      if (heard !== undefined && !(heard instanceof TercetError) && !life.over) return heard;
      await new Promise<void>((resolve) => this.time.after(this.below(200), resolve));
    }
  }

  async initiator(gid: Gid): Promise<void> {
    const specs = branches('1', '2', '3');
    const phaseTwoOrder = (['all', 'registration', 'reverse'] as const)[this.below(3)] ?? 'all';
    this.orders.set(gid, phaseTwoOrder);
    const policy = { onTimeout: 'cancel', phaseTwoOrder } as const;
    const opening = anOpening({ timeoutMs: 20_000, policy });
    const first = 1 + this.below(specs.length);
    const register = { kind: 'register', runId: run, opening } as const;
    const opened = await this.ask(gid, { ...register, branches: specs.slice(0, first) });
    if (opened instanceof TercetError || this.chance(0.1)) return;
    if (first < specs.length) {
      const more = { ...register, opening: undefined, branches: specs.slice(first) };
      if ((await this.ask(gid, more)) instanceof TercetError) return;
    }
    const branchIds = specs.map((spec) => spec.id);
    const tries = new Map(branchIds.map((id): [BranchId, 'done'] => [id, 'done']));
    const decision = this.chance(0.6)
      ? ({ kind: 'commit', runId: run, branchIds } as const)
      : ({ kind: 'rollback', runId: run, reason: 'no', tries } as const);
    const decided = await this.ask(gid, decision);
    if (decided instanceof TercetError) return;
    this.told.set(gid, decided.status.startsWith('confirm') ? 'confirmed' : 'cancelled');
  }
}
