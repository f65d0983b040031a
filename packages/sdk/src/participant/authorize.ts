/** Whether a call may start at all: the user's own word, asked for every call of every transport. */
import { status } from '@grpc/grpc-js';
import { type CallRefusal, refusal } from './call-answer';
import type { CallContext } from './call-context';
import { type HandlingDeps, tell } from './handle-call';
import { isVerdict, textOfThrown } from './refusal-of-error';

/** False, or a promise of it, refuses; so does what it throws. */
export type Authorize = (ctx: CallContext) => unknown;

/** Asks `authorize`; undefined = it lets the call pass. Rejects only where what it threw cannot be looked at. */
export async function refusalBy(
  authorize: Authorize,
  deps: Pick<HandlingDeps, 'onError'>,
  ctx: CallContext,
): Promise<CallRefusal | undefined> {
  try {
    if ((await authorize(ctx)) !== false) return undefined;
  } catch (error) {
    // A verdict is about the work, and none was begun: a refusal here must never be taken for one.
    if (!isVerdict(error)) tell(deps, error, ctx);
    return refusal(status.PERMISSION_DENIED, textOfThrown('authorize', error));
  }
  return refusal(status.PERMISSION_DENIED, 'not authorised');
}
