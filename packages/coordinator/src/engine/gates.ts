import { Gate, type GateDeps, type GateEntry, type GateState } from './gate';

/** A target that nothing speaks against and nothing waits for. */
const untouched: GateState = {
  phase: 'up',
  since: undefined,
  failure: undefined,
  waiting: 0,
  running: 0,
};

/**
 * One gate per target string; rules G1 to G9 stand there. Gates know nothing of each other, so a target that hangs or is
 * down slows nobody else.
 */
export class Gates {
  private readonly gates = new Map<string, Gate>();
  private closed = false;

  constructor(private readonly deps: GateDeps) {}

  /**
   * Hands a due call over: it runs at once, waits for room, or is held back while the target is down. An entry that waits
   * already keeps its place. Once it runs it has left, and may be offered anew. After `close` nothing happens.
   */
  offer(entry: GateEntry): void {
    if (this.closed) return;
    this.gateOf(entry.target).offer(entry);
  }

  /** Takes an entry back that has not begun to run; returns whether it was waiting. Safe to repeat. */
  withdraw(entry: GateEntry): boolean {
    return this.gates.get(entry.target)?.withdraw(entry) ?? false;
  }

  /** What the gate of `target` is doing, for operators and tests. */
  state(target: string): GateState {
    return this.gates.get(target)?.state ?? untouched;
  }

  /** How many entries wait in all. */
  get waiting(): number {
    let sum = 0;
    for (const gate of this.gates.values()) sum += gate.waiting;
    return sum;
  }

  /** How many targets are remembered: those with work, and those that failed in the last two minutes. */
  get size(): number {
    return this.gates.size;
  }

  /** Lets go of all entries; none that waits is run or told any more. No timer and no watcher is left. */
  close(): void {
    this.closed = true;
    for (const gate of this.gates.values()) gate.close();
    this.gates.clear();
  }

  private gateOf(target: string): Gate {
    let gate = this.gates.get(target);
    if (gate === undefined) {
      gate = new Gate(target, this.deps, () => this.gates.delete(target));
      this.gates.set(target, gate);
    }
    return gate;
  }
}
