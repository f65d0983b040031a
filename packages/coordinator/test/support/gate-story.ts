import { expect } from '@jest/globals';
import type { CallFailure } from '@tercet/core';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import { silentLogger } from '../../src/observability/logger';
import { type GateEntry, type GateReply, PROBE_MS } from '../../src/engine/gate';
import { Gates } from '../../src/engine/gates';
import { type Ending, replyOf } from './gate-world';
import { ScriptedConnections } from './scripted-connections';

/** How a participant behaves for the time being. */
export type Mode = 'up' | 'refused' | 'hanging' | 'busy' | 'error';

const behaviour: Record<Mode, { readonly ending: Ending; readonly ms: number }> = {
  up: { ending: 'OK', ms: 10 },
  refused: { ending: 'UNAVAILABLE', ms: 0 },
  hanging: { ending: 'DEADLINE_EXCEEDED', ms: 5_000 },
  busy: { ending: 'UNAVAILABLE', ms: 10 },
  error: { ending: 'UNIMPLEMENTED', ms: 10 },
};
const poisonous = { ending: 'DEADLINE_EXCEEDED', ms: 3_000 } as const;
/** Longest backoff of a branch. */
const BACKOFF_MS = 20_000;

interface StoryBranch {
  readonly target: string;
  poison: boolean;
  done: boolean;
}

interface StoryTarget {
  mode: Mode;
  running: number;
  probes: number;
  lastProbeAt: number;
  /** Those who wait, in the order they were offered. */
  readonly waiting: StoryEntry[];
}

/**
 * Branches that call participants through gates until they get OK, and participants that come and go. Every call, and
 * every word of a gate, is checked against the rules at the moment it happens.
 */
export class GateStory {
  readonly time = new ManualTime(0);
  readonly connections = new ScriptedConnections();
  readonly branches: StoryBranch[] = [];
  readonly gates: Gates;
  /** What broke a rule. Gates catch what a call throws, so it is kept here. */
  readonly problems: unknown[] = [];
  /** What happened, so that a test can tell that something did. */
  readonly counts = { probes: 0, newcomers: 0, held: 0 };
  private readonly targets = new Map<string, StoryTarget>();
  private readonly random: SeededRandom;
  private offering: StoryEntry | undefined;

  constructor(
    readonly concurrencyMax: number,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
    this.gates = new Gates({
      clock: this.time,
      scheduler: this.time,
      random: this.random,
      connections: this.connections,
      concurrencyMax,
      logger: silentLogger,
    });
  }

  /** A new branch, due now. */
  add(target: string, poison = false): void {
    const branch = { target, poison, done: false };
    this.branches.push(branch);
    this.offer(branch);
  }

  /** The participant changes; `tell`: its channel's connection comes up now. */
  behave(target: string, mode: Mode, tell: boolean): void {
    this.targetOf(target).mode = mode;
    this.connections.set(target, mode === 'refused' ? 'down' : 'ready');
    if (tell) this.connections.ready(target);
  }

  /** Takes back one that waits and brings it again later, as an operator's hold does. */
  withdraw(target: string, nth: number): void {
    const { waiting } = this.targetOf(target);
    const entry = waiting[nth % Math.max(1, waiting.length)];
    if (entry === undefined) return;
    expect(this.gates.withdraw(entry)).toBe(true);
    expect(this.gates.withdraw(entry)).toBe(false);
    this.removeWaiting(entry);
    this.later(entry.branch);
  }

  /** All poison is gone. */
  cure(): void {
    for (const branch of this.branches) branch.poison = false;
  }

  /** What must be true between any two events. */
  check(): void {
    expect(this.problems).toEqual([]);
    for (const [target, { waiting, running }] of this.targets) {
      const state = this.gates.state(target);
      expect(state).toMatchObject({ waiting: waiting.length, running });
      if (state.phase === 'down') expect(waiting.filter(({ told }) => told === 0)).toEqual([]);
      else if (state.phase === 'up' && waiting.length > 0)
        expect(running).toBe(this.concurrencyMax);
    }
  }

  /** A call leaves its gate: called by the entry. */
  async called(entry: StoryEntry): Promise<GateReply | undefined> {
    const { branch } = entry;
    const target = this.targetOf(branch.target);
    const isProbe = this.gates.state(branch.target).phase === 'down';
    target.running++;
    if (isProbe) target.probes++;
    this.noting(() => this.checkCall(entry, target));
    const { ending, ms } = this.behaviourOf(branch, target);
    if (ms > 0) await new Promise<void>((resolve) => this.time.after(ms, resolve));
    target.running--;
    if (isProbe) target.probes--;
    if (target.mode === 'refused') this.connections.set(branch.target, 'down');
    if (ending === 'OK') branch.done = true;
    else this.later(branch);
    return replyOf(ending);
  }

  /** An entry was told that it is held back. */
  told(entry: StoryEntry): void {
    this.counts.held++;
    this.noting(() => {
      expect(this.gates.state(entry.target).phase).toBe('down');
      expect(this.targetOf(entry.target).waiting).toContain(entry);
      expect(entry.told).toBe(1);
    });
  }

  private checkCall(entry: StoryEntry, target: StoryTarget): void {
    const { phase } = this.gates.state(entry.target);
    const newcomer = this.offering === entry && phase === 'spreading';
    if (newcomer && target.waiting.length > 1) this.counts.newcomers++;
    const first = target.waiting[0];
    this.removeWaiting(entry);
    expect(target.running).toBeLessThanOrEqual(this.concurrencyMax);
    if (!newcomer) expect(first).toBe(entry);
    if (phase === 'down') this.checkProbe(entry.target, target);
  }

  private noting(check: () => void): void {
    try {
      check();
    } catch (problem) {
      this.problems.push(problem);
    }
  }

  /** The one call of 10 s (G5). */
  private checkProbe(name: string, target: StoryTarget): void {
    const since = this.gates.state(name).since ?? Number.NaN;
    const earliest = Math.max(since, target.lastProbeAt) + PROBE_MS;
    target.lastProbeAt = this.time.now();
    this.counts.probes++;
    expect(target.probes).toBe(1);
    expect(this.time.now()).toBeGreaterThanOrEqual(earliest);
  }

  private behaviourOf(branch: StoryBranch, { mode }: StoryTarget): (typeof behaviour)[Mode] {
    return branch.poison && mode !== 'refused' ? poisonous : behaviour[mode];
  }

  private offer(branch: StoryBranch): void {
    const entry = new StoryEntry(this, branch);
    this.targetOf(branch.target).waiting.push(entry);
    this.offering = entry;
    this.gates.offer(entry);
    this.offering = undefined;
  }

  private later(branch: StoryBranch): void {
    this.time.after(Math.floor(this.random.unit() * BACKOFF_MS), () => this.offer(branch));
  }

  private removeWaiting(entry: StoryEntry): void {
    const { waiting } = this.targetOf(entry.target);
    const place = waiting.indexOf(entry);
    expect(place).toBeGreaterThanOrEqual(0);
    waiting.splice(place, 1);
  }

  private targetOf(name: string): StoryTarget {
    let target = this.targets.get(name);
    if (target === undefined) {
      target = {
        mode: 'up',
        running: 0,
        probes: 0,
        lastProbeAt: Number.NEGATIVE_INFINITY,
        waiting: [],
      };
      this.targets.set(name, target);
    }
    return target;
  }
}

class StoryEntry implements GateEntry {
  told = 0;

  constructor(
    private readonly story: GateStory,
    readonly branch: StoryBranch,
  ) {}

  get key(): object {
    return this.branch;
  }

  get target(): string {
    return this.branch.target;
  }

  run(): Promise<GateReply | undefined> {
    return this.story.called(this);
  }

  held(_failure: CallFailure): void {
    this.told++;
    this.story.told(this);
  }
}
