/** What the programs of this example print: one JSON object a line, for people with `jq` and for demo.ts. */
import type { FaultKind } from './shop';

/** What a participant tells. */
export type ParticipantMessage =
  | { readonly event: 'ready'; readonly port: number }
  /** An order brought trouble along; after a crash nothing else follows. */
  | { readonly event: 'fault'; readonly kind: FaultKind; readonly gid: string }
  /** A Try came after its Cancel and was kept out. */
  | { readonly event: 'late-try'; readonly gid: string };

/** What the initiator tells: each order, as it ends. */
export interface OrderMessage {
  readonly event: 'order';
  readonly gid: string;
  /** What `run` said. `confirming` and `cancelling` are decided: they end as `confirmed` and `cancelled`. */
  readonly told: 'confirmed' | 'confirming' | 'cancelled' | 'cancelling' | 'unknown';
  /** Why it was cancelled, or why nobody knows; empty when confirmed. */
  readonly reason: string;
  /** From the call of `run` to its end, milliseconds. */
  readonly ms: number;
}

/** Prints a message. */
export function tell(message: ParticipantMessage | OrderMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
