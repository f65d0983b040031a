/** The load generator: the initiator's side of every transaction. */
import type { Tercet } from '@tercet/sdk';
import { impatientBench, reservation } from '../bench-service';
import { ClosedLoop } from '../load/closed-loop';
import { HeldGroup } from '../load/held-transactions';
import { type Workload, workloadOf } from '../load/variants';
import { quantile } from '../statistics';
import { answerParent, markNow } from './answer-parent';
import type { LoadCalls } from './calls';

let workload: Workload | undefined;
let loop: ClosedLoop | undefined;
const groups = new Map<string, HeldGroup>();

answerParent<LoadCalls>({
  connect(plan) {
    workload = workloadOf(plan);
    loop = new ClosedLoop(workload.transact);
    return undefined;
  },
  start({ concurrency }) {
    connected(loop).start(concurrency);
    return undefined;
  },
  open() {
    connected(loop).open();
    return markNow();
  },
  done: () => connected(loop).done,
  close() {
    // The mark first: sorting is no part of the load.
    const mark = markNow();
    const sorted = Float64Array.from(connected(loop).close()).sort();
    const transactions = sorted.length;
    return { ...mark, transactions, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
  },
  async stop() {
    await connected(loop).stop();
    return undefined;
  },
  async hold(transactions) {
    const held = new HeldGroup(client(), transactions);
    groups.set(transactions.group, held);
    await held.held;
    return undefined;
  },
  async release({ group }) {
    await connected(groups.get(group)).commit();
    return undefined;
  },
  async settled({ group, timeoutMs }) {
    return { settled: await connected(groups.get(group)).settled(timeoutMs) };
  },
  trickle({ everyMs, targets }) {
    setInterval(() => void transactOnce(targets), everyMs);
    return undefined;
  },
});

/** A failure shows in the numbers of what is measured beside it, not here. */
async function transactOnce(targets: readonly string[]): Promise<void> {
  try {
    await client().run({ name: 'trickle', phaseTwoWaitMs: 0 }, (tx) =>
      tx.all(targets.map((target) => tx.use(impatientBench, { target }).reserve(reservation))),
    );
  } catch (error) {
    console.error('a transaction beside the load failed:', error);
  }
}

function client(): Tercet {
  return connected(workload?.tercet);
}

function connected<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('bug: the load is not connected');
  return part;
}
