/**
 * Policy and trace of a transaction ↔ the text of `transactions.details`: [onTimeout, phaseTwoOrder, traceparent,
 * tracestate], the last two where there is a trace. NULL = cancelled on timeout, all at once, no trace.
 */
import type { GlobalTransaction } from '@tercet/core';
import { assertDetails } from '../row-rules';
import { cleanText } from '../stored-form';

type Details = Pick<GlobalTransaction, 'policy' | 'trace'>;
type Policy = GlobalTransaction['policy'];
type Entry = readonly [Policy['onTimeout'], Policy['phaseTwoOrder'], string?, string?];

/** The text, NULL where nothing differs from what is usual. Throws StoreFailure `data`. */
export function encodeDetails(tx: GlobalTransaction): string | null {
  const { policy, trace } = tx;
  const usual = policy.onTimeout === 'cancel' && policy.phaseTwoOrder === 'all';
  if (usual && trace === undefined) return null;
  assertDetails(tx);
  const entry: Entry = [policy.onTimeout, policy.phaseTwoOrder];
  if (trace === undefined) return JSON.stringify(entry);
  return JSON.stringify([...entry, cleanText(trace.traceparent), cleanText(trace.tracestate)]);
}

/** What the text says. */
export function decodeDetails(text: string | null): Details {
  const entry = (text === null ? ['cancel', 'all'] : JSON.parse(text)) as Entry;
  const [onTimeout, phaseTwoOrder, traceparent, tracestate] = entry;
  const traced = typeof traceparent === 'string' && typeof tracestate === 'string';
  return {
    policy: { onTimeout, phaseTwoOrder },
    trace: traced ? { traceparent, tracestate } : undefined,
  };
}
