/** Tries that are kept back until the Cancel of their branch was answered. */
import { CallSignalSource } from '@tercet/core';
import type { OutgoingCall } from './outgoing-call';

/** Tries by their branch. */
export class HeldTries {
  private readonly calls = new Map<string, OutgoingCall[]>();

  /** Keeps a Try. Its caller's signal counts no more: it is on its way, whoever has given it up. */
  hold(call: OutgoingCall): void {
    const key = keyOf(call);
    const held = this.calls.get(key) ?? [];
    held.push({ ...call, signal: new CallSignalSource() });
    this.calls.set(key, held);
  }

  /** Gives out what was kept for the branch of this call, once. */
  release(call: OutgoingCall): readonly OutgoingCall[] {
    const key = keyOf(call);
    const held = this.calls.get(key) ?? [];
    this.calls.delete(key);
    return held;
  }
}

function keyOf({ context, target }: OutgoingCall): string {
  return `${context?.runId}/${context?.branchId}/${target}`;
}
