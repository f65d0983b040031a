import type { ConnectionState } from '@tercet/runtime';
import type { Connections } from '../../src/participant/participant-caller';

/** Connections that are as a test says; `unknown` where it says nothing. */
export class ScriptedConnections implements Connections {
  private readonly states = new Map<string, ConnectionState>();
  private readonly listeners = new Map<string, Set<{ readonly tell: () => void }>>();

  /** From now on this is what is known of `target`; nobody is told. */
  set(target: string, state: ConnectionState): void {
    this.states.set(target, state);
  }

  /** The connection to `target` becomes ready: tells everybody who waits for that. */
  ready(target: string): void {
    this.states.set(target, 'ready');
    const told = this.listeners.get(target) ?? [];
    this.listeners.delete(target);
    for (const { tell } of told) tell();
  }

  /** How many wait for the connection to `target`; without one, for any. */
  watchers(target?: string): number {
    if (target !== undefined) return this.listeners.get(target)?.size ?? 0;
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  connection(target: string): ConnectionState {
    return this.states.get(target) ?? 'unknown';
  }

  whenReady(target: string, tell: () => void): () => void {
    const listener = { tell };
    const waiting = this.listeners.get(target) ?? new Set();
    this.listeners.set(target, waiting.add(listener));
    return () => {
      waiting.delete(listener);
      if (waiting.size === 0 && this.listeners.get(target) === waiting)
        this.listeners.delete(target);
    };
  }

  /** Tells nobody any more. */
  close(): void {
    this.listeners.clear();
  }
}
