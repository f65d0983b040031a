import { describe, expect, it } from '@jest/globals';
import type { GlobalTransaction } from '@tercet/core';
import { aBranch, aBranchSpec } from '@tercet/core/testing';
import type { ContractContext } from '../store-contract';
import {
  attempted,
  cancelling,
  decide,
  open,
  progress,
  resolved,
  trying,
} from '../support/transaction-moves';

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

/** Texts that have cut or broken statements somewhere; NUL and lone surrogates are replaced, the rest stays. */
const awkward: readonly [string, string][] = [
  [
    `it's "quoted" \\ -- ; DROP TABLE transactions; /* */ %_?`,
    `it's "quoted" \\ -- ; DROP TABLE transactions; /* */ %_?`,
  ],
  ['\\', '\\'],
  ["'", "'"],
  ['🛒 ünïcode ‮ \r\n\t', '🛒 ünïcode ‮ \r\n\t'],
  ['', ''],
  ['before\0after', 'before\ufffdafter'],
  ['high \ud800 low \udc00.', 'high \ufffd low \ufffd.'],
  ['\0', '\ufffd'],
];

/** Bytes, texts and everything else arrive and leave as they are. */
export function describeContent(context: ContractContext): void {
  const roundTrip = async (tx: GlobalTransaction): Promise<GlobalTransaction | undefined> => {
    await context.store().write([open(tx)]);
    return context.store().load(tx.gid);
  };

  describe('content', () => {
    const payloads: readonly [string, Uint8Array][] = [
      ['every byte value', everyByte],
      ['nothing', new Uint8Array(0)],
      ['1 MiB', new Uint8Array(1_048_576).map((_, i) => (i * 31) % 256)],
      ['a view of a larger buffer', new Uint8Array(everyByte.buffer, 3, 5)],
      ['a Buffer', Buffer.from('ÿ\0þ', 'latin1')],
    ];

    it.each(payloads)('keeps a payload of %s bit for bit', async (_, payload) => {
      const spec = aBranchSpec({
        payload,
        confirmPayload: everyByte.slice(1),
        cancelPayload: new Uint8Array(0),
      });
      const loaded = await roundTrip(trying(context.gid(), 0, { branches: [aBranch({ spec })] }));
      const kept = loaded?.branches[0]?.spec;
      expect(Buffer.from(kept?.payload ?? []).equals(payload)).toBe(true);
      expect(Buffer.from(kept?.confirmPayload ?? []).equals(everyByte.slice(1))).toBe(true);
      expect(kept?.cancelPayload === undefined).toBe(payload.length === 0);
    });

    it('keeps equal bytes once: a payload like the Try’s comes back as "the same"', async () => {
      const spec = aBranchSpec({ payload: everyByte, confirmPayload: everyByte.slice() });
      const loaded = await roundTrip(trying(context.gid(), 0, { branches: [aBranch({ spec })] }));
      expect(loaded?.branches[0]?.spec.confirmPayload).toBeUndefined();
    });

    it('does not see what a caller does to its bytes later', async () => {
      const payload = Buffer.from([1, 2, 3]);
      const tx = trying(context.gid(), 0, {
        branches: [aBranch({ spec: aBranchSpec({ payload }) })],
      });
      const loaded = await roundTrip(tx);
      payload.fill(9);
      loaded?.branches[0]?.spec.payload.fill(9);
      const again = await context.store().load(tx.gid);
      expect([...(again?.branches[0]?.spec.payload ?? [])]).toEqual([1, 2, 3]);
    });

    it.each(awkward)('keeps the text %j in every place that takes text', async (text, kept) => {
      const methods = { forward: `/a${text}`, confirm: `/b${text}`, cancel: `/c${text}` };
      const spec = aBranchSpec({ action: text, target: text, methods });
      const tx = trying(context.gid(), 0, {
        name: text,
        labels: { order: text, [`key ${text}`]: 'value' },
        trace: { traceparent: text, tracestate: text },
        branches: [aBranch({ spec })],
      });
      const decided = cancelling(tx, text);
      const tried = resolved(attempted(decided, '1', text), '1', { by: text, reason: text });
      const store = context.store();
      await store.write([open(tx)]);
      await store.write([decide(decided)]);
      expect(await store.write([progress(tried)])).toEqual([{ kind: 'applied' }]);
      const loaded = await store.load(tx.gid);
      expect(loaded).toEqual(replaced(tried, text, kept));
    });

    it('keeps labels of keys that objects know by themselves', async () => {
      const labels = Object.fromEntries([
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['toString', 'c'],
      ]);
      const loaded = await roundTrip(trying(context.gid(), 1, { labels }));
      expect(Object.entries(loaded?.labels ?? {}).sort()).toEqual(Object.entries(labels).sort());
    });

    it('keeps every field of a branch', async () => {
      const spec = aBranchSpec({
        mode: 'saga',
        driver: 'participant',
        dialect: 'dtm',
        after: [aBranchSpec().id],
        deadlines: { forwardMs: 1, confirmMs: 2, cancelMs: 3 },
        retry: { firstDelayMs: 4, maxDelayMs: 5 },
        stuckAfterMs: 86_400_000,
        stuckAttempts: 1_000,
        parkPermanentErrors: true,
        barrier: true,
      });
      const tx = trying(context.gid(), 0, {
        policy: { onTimeout: 'none', phaseTwoOrder: 'dag' },
        branches: [
          aBranch({ spec, phaseOne: 'started', tryTold: true, notAfter: 9_007_199_254_740_991 }),
        ],
      });
      expect(await roundTrip(tx)).toEqual(tx);
    });

    it('keeps branches in the order of registration, nested and many', async () => {
      const ids = [
        '2',
        '10',
        '1',
        '1.10',
        '1.2',
        ...Array.from({ length: 200 }, (_, i) => `9.${i + 1}`),
      ];
      const branches = ids.map((id) => aBranch({ spec: aBranchSpec({ id: id as never }) }));
      const tx = trying(context.gid(), 0, { branches });
      expect(await roundTrip(tx)).toEqual(tx);
    });

    it('tells gids apart by case', async () => {
      const gid = context.gid();
      const [lower, upper] = [trying(`${gid}-a`, 1), trying(`${gid}-A`, 2)];
      const results = await context.store().write([open(lower), open(upper)]);
      expect(results).toEqual([{ kind: 'applied' }, { kind: 'applied' }]);
      expect(await context.store().load(upper.gid)).toEqual(upper);
    });

    it('answers undefined for a gid that is not kept', async () => {
      expect(await context.store().load(trying('nobody').gid)).toBeUndefined();
    });
  });
}

/** The transaction with `kept` in every place where it holds `text`. */
function replaced(tx: GlobalTransaction, text: string, kept: string): GlobalTransaction {
  const swap = (value: string): string => (text === '' ? value : value.replaceAll(text, kept));
  return {
    ...tx,
    name: swap(tx.name),
    labels: Object.fromEntries(Object.entries(tx.labels).map(([k, v]) => [swap(k), swap(v)])),
    trace: { traceparent: kept, tracestate: kept },
    cause: { kind: 'rollback', reason: kept },
    branches: tx.branches.map((branch) => {
      const { spec, attempts, verdict } = branch;
      const { forward, confirm, cancel } = spec.methods;
      return {
        ...branch,
        spec: {
          ...spec,
          action: kept,
          target: kept,
          methods: { forward: swap(forward), confirm: swap(confirm), cancel: swap(cancel) },
        },
        attempts: {
          ...attempts,
          lastFailure: attempts.lastFailure && { ...attempts.lastFailure, message: kept },
        },
        verdict: verdict && { ...verdict, by: kept, reason: kept },
      };
    }),
  };
}
