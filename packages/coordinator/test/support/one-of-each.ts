/** A transaction of every kind that a store can keep. */
import { type GlobalTransaction, restored } from '@tercet/core';
import {
  attempted,
  cancelling,
  confirming,
  finished,
  parked,
  resolved,
  trying,
} from './transaction-moves';

const labels = { order: '7', region: 'north' };
const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'x=1' };

/** One of each kind of state, under gids that begin so. */
export function oneOfEach(gid: string): readonly GlobalTransaction[] {
  const policy = { onTimeout: 'cancel', phaseTwoOrder: 'reverse' } as const;
  return [
    trying(`${gid}-a`, 3, { labels, trace, policy }),
    restored(trying(`${gid}-b`)),
    attempted(confirming(trying(`${gid}-c`, 2, { labels })), '2'),
    resolved(parked(attempted(cancelling(trying(`${gid}-d`, 3)), '1'), '2'), '3'),
    restored(attempted(confirming(trying(`${gid}-e`, 3)), '1')),
    finished(confirming(trying(`${gid}-f`, 2, { trace }))),
    finished(resolved(cancelling(trying(`${gid}-g`)), '1')),
    { ...finished(cancelling(trying(`${gid}-h`))), cause: { kind: 'timeout' } },
  ];
}

/** What retention leaves of one. */
export function tombstone(gid: string, resultDigest?: string): GlobalTransaction {
  const whole = finished(confirming(trying(gid, 3)));
  return { ...whole, branches: [], tombstone: { branches: 3, resultDigest } };
}
