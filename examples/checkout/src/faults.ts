/** Trouble on demand. An order that brings a fault along names it in the metadata of its Try. Not part of the pattern. */
import type { CallContext, ParticipantInterceptor } from '@tercet/sdk';
import { tell } from './messages';
import type { FaultKind } from './shop';

/** Metadata key that carries the fault of an order to the service that it names. */
export const faultKey = 'checkout-fault';

const faultKinds: readonly FaultKind[] = ['slow', 'crash-after-try', 'crash-before-confirm'];

/** Longer than the deadline of Try in definitions.ts. */
const SLOW_MS = 1_500;

/**
 * The troubles of one participant process. They stand around the barrier: before its local transaction begins, or between
 * its COMMIT and the answer.
 */
export function faults(): ParticipantInterceptor {
  // Gids whose Confirm this process will not survive. The next process does not remember: it dies once.
  const doomed = new Set<string>();
  return {
    async handle({ ctx }, next) {
      const kind = faultOf(ctx);
      if (kind === 'crash-before-confirm') doomed.add(ctx.gid);
      if (kind === 'slow') return comeLate(ctx, next);
      if (ctx.phase === 'confirm' && doomed.has(ctx.gid)) crash('crash-before-confirm', ctx.gid);
      const reply = await next();
      if (kind === 'crash-after-try') crash(kind, ctx.gid);
      return reply;
    },
  };
}

/** Metadata that the initiator gives comes with Try only. */
function faultOf(ctx: CallContext): FaultKind | undefined {
  const [text] = ctx.metadata.get(faultKey);
  return faultKinds.find((kind) => kind === text);
}

/** Hangs until nobody waits any more and Cancel was here, then goes on. Whoever watches `ctx.signal` would stop. */
async function comeLate({ gid }: CallContext, next: () => Promise<unknown>): Promise<unknown> {
  tell({ event: 'fault', kind: 'slow', gid });
  await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  try {
    return await next();
  } catch (error) {
    tell({ event: 'late-try', gid });
    throw error;
  }
}

/** No clean-up, no goodbye: what a power cut or an OOM kill leaves of a process. */
function crash(kind: FaultKind, gid: string): never {
  tell({ event: 'fault', kind, gid });
  process.kill(process.pid, 'SIGKILL');
  throw new Error('killed');
}
