/** Trouble on demand. An order that brings a fault along names it in the metadata of its Try. Not part of the pattern. */
import type { CallContext } from '@tercet/sdk';
import { tell } from './messages';
import type { FaultKind } from './shop';

/** Metadata key that carries the fault of an order to the service that it names. */
export const faultKey = 'checkout-fault';

const faultKinds: readonly FaultKind[] = ['slow', 'crash-after-try', 'crash-before-confirm'];

/** Longer than the deadline of Try in definitions.ts. */
const SLOW_MS = 1_500;

/** The troubles of one participant process. */
export class Faults {
  /** Gids whose Confirm this process will not survive. The next process does not remember: it dies once. */
  private readonly doomed = new Set<string>();

  /** First thing in Try. */
  async beforeTry(ctx: CallContext): Promise<void> {
    const kind = faultOf(ctx);
    if (kind === 'crash-before-confirm') this.doomed.add(ctx.gid);
    if (kind !== 'slow') return;
    tell({ event: 'fault', kind, gid: ctx.gid });
    // A handler that watched ctx.signal would stop here. This one works on, as one does that hangs in a library.
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  }

  /** Between the local commit of Try and its answer. */
  afterTry(ctx: CallContext): void {
    if (faultOf(ctx) === 'crash-after-try') crash('crash-after-try', ctx.gid);
  }

  /** First thing in Confirm. */
  beforeConfirm(ctx: CallContext): void {
    if (this.doomed.has(ctx.gid)) crash('crash-before-confirm', ctx.gid);
  }
}

function faultOf(ctx: CallContext): FaultKind | undefined {
  const [text] = ctx.metadata.get(faultKey);
  return faultKinds.find((kind) => kind === text);
}

/** No clean-up, no goodbye: what a power cut or an OOM kill leaves of a process. */
function crash(kind: FaultKind, gid: string): never {
  tell({ event: 'fault', kind, gid });
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
}
