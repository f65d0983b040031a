import { type CallFailure, grpcCode } from '@tercet/core';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import type { GateEntry, GateReply } from '../../src/engine/gate';
import { Gates } from '../../src/engine/gates';
import { RecordingLogger } from './recording-logger';
import { ScriptedConnections } from './scripted-connections';

/** How a scripted call ends; `unsent` is a call that was not sent after all. */
export type Ending = keyof typeof grpcCode | 'unsent';

/** The end of a call, as its gate gets it. */
export function replyOf(ending: Ending): GateReply | undefined {
  if (ending === 'unsent') return undefined;
  return { code: grpcCode[ending], message: ending === 'OK' ? '' : 'boom', peer: undefined };
}

/** A call that ends when the test says so, or at once where `then` says how. */
export class FakeEntry implements GateEntry {
  /** Times at which it ran. */
  readonly runs: number[] = [];
  /** Failures that it was held back for. */
  readonly heldFor: CallFailure[] = [];
  private end: ((reply: GateReply | undefined) => void) | undefined;

  constructor(
    private readonly world: GateWorld,
    readonly key: object,
    readonly target: string,
    private readonly then?: Ending,
  ) {}

  /** Whether its call is under way. */
  get running(): boolean {
    return this.end !== undefined;
  }

  run(): Promise<GateReply | undefined> {
    this.runs.push(this.world.now);
    this.world.left.push(this);
    if (this.then !== undefined) return Promise.resolve(replyOf(this.then));
    return new Promise((resolve) => (this.end = resolve));
  }

  held(failure: CallFailure): void {
    this.heldFor.push(failure);
  }

  /** Ends the call under way. */
  async ends(ending: Ending): Promise<void> {
    this.end?.(replyOf(ending));
    this.end = undefined;
    await this.world.time.settle();
  }
}

/** Gates under a virtual clock, with connections as the test says. */
export class GateWorld {
  readonly time = new ManualTime(0);
  readonly connections = new ScriptedConnections();
  readonly logger = new RecordingLogger();
  /** Every entry that ran, in order. */
  readonly left: FakeEntry[] = [];
  readonly gates: Gates;

  constructor(over: { readonly concurrencyMax?: number; readonly seed?: number } = {}) {
    this.gates = new Gates({
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(over.seed ?? 1),
      connections: this.connections,
      concurrencyMax: over.concurrencyMax ?? 100,
      logger: this.logger,
    });
  }

  get now(): number {
    return this.time.now();
  }

  /** Offers an entry of a branch of its own, or of `key`. */
  offer(over: { target?: string; key?: object; then?: Ending } = {}): FakeEntry {
    const { target = 'stock', key = {}, then } = over;
    const entry = new FakeEntry(this, key, target, then);
    this.gates.offer(entry);
    return entry;
  }

  /** Offers `count` entries of different branches. */
  offerMany(count: number, over: { target?: string; then?: Ending } = {}): FakeEntry[] {
    return Array.from({ length: count }, () => this.offer(over));
  }

  /** Takes the gate of `stock` down by a refused connection. */
  async lose(target = 'stock'): Promise<void> {
    this.connections.set(target, 'down');
    this.offer({ target, then: 'UNAVAILABLE' });
    await this.time.settle();
  }
}
