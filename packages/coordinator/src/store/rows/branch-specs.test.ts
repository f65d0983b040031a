import { describe, expect, it } from '@jest/globals';
import type { BranchId, BranchSpec, Gid } from '@tercet/core';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import { decodeSpecs, encodeSpecs, findPayload, payloadsOf } from './branch-specs';
import { ByteList } from './byte-list';
import { SpecShapes } from './spec-shapes';

const gid = 'order-1' as Gid;

function branch(id: string, over: Partial<BranchSpec> = {}): ReturnType<typeof aBranch> {
  return aBranch({ spec: aBranchSpec({ id: id as BranchId, ...over }) });
}

function encoded(
  branches: readonly ReturnType<typeof aBranch>[],
  from = 0,
): { readonly specs: string; readonly payloads: Uint8Array } {
  const bytes = new ByteList();
  const shapes = new SpecShapes();
  const specs = encodeSpecs(aTransaction({ branches }), from, { shapes, bytes });
  return { specs, payloads: bytes.join() };
}

const one = branch('1', { payload: Uint8Array.of(1, 2) });
const three = branch('2', {
  payload: Uint8Array.of(3),
  confirmPayload: Uint8Array.of(4, 5),
  cancelPayload: new Uint8Array(0),
});
const late = branch('3', { payload: new Uint8Array(0), cancelPayload: Uint8Array.of(6) });

describe('a registration', () => {
  it('gives back the branches that were put into it', () => {
    const row = { first: 0, ...encoded([one, three, late]) };
    const specs = [one, three, late].map(({ spec, notAfter }) => ({ spec, notAfter }));
    expect(decodeSpecs(row)).toEqual(specs);
    expect([...row.payloads]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('holds what was registered with it alone', () => {
    const row = { first: 2, ...encoded([one, three, late], 2) };
    expect(decodeSpecs(row).map(({ spec }) => spec.id)).toEqual(['3']);
    expect([...row.payloads]).toEqual([6]);
  });

  it('holds bytes once that are those of the Try (R1)', () => {
    const same = branch('1', { payload: Uint8Array.of(7), confirmPayload: Uint8Array.of(7) });
    expect([...encoded([same]).payloads]).toEqual([7]);
  });

  it('tells where the bytes of a branch lie, and cuts them', () => {
    const { specs, payloads } = encoded([one, three, late]);
    const place = findPayload(specs, '2');
    expect(place).toMatchObject({ at: 2, length: 3 });
    if (place === undefined) throw new Error('not found');
    const bytes = payloads.subarray(place.at, place.at + place.length);
    const { payload, confirmPayload, cancelPayload } = three.spec;
    expect(payloadsOf(place.lengths, bytes)).toEqual({ payload, confirmPayload, cancelPayload });
    expect(findPayload(specs, '4')).toBeUndefined();
  });
});

describe('shapes', () => {
  const shapes = new SpecShapes();

  it('have one text, whatever the branch and its bytes', () => {
    const a = shapes.textOf(gid, aBranchSpec());
    const b = shapes.textOf(gid, branch('2', { payload: Uint8Array.of(9) }).spec);
    expect(b).toBe(a);
  });

  const others: readonly [string, Partial<BranchSpec>][] = [
    ['action', { action: 'book' }],
    ['target', { target: 'other:1' }],
    ['forward method', { methods: { ...aBranchSpec().methods, forward: '/a.B/C' } }],
    ['confirm method', { methods: { ...aBranchSpec().methods, confirm: '/a.B/C' } }],
    ['cancel method', { methods: { ...aBranchSpec().methods, cancel: '/a.B/C' } }],
    ['forward deadline', { deadlines: { ...aBranchSpec().deadlines, forwardMs: 1 } }],
    ['confirm deadline', { deadlines: { ...aBranchSpec().deadlines, confirmMs: 1 } }],
    ['cancel deadline', { deadlines: { ...aBranchSpec().deadlines, cancelMs: 1 } }],
    ['first delay', { retry: { ...aBranchSpec().retry, firstDelayMs: 1 } }],
    ['longest delay', { retry: { ...aBranchSpec().retry, maxDelayMs: 1 } }],
    ['stuck time', { stuckAfterMs: 1 }],
    ['stuck attempts', { stuckAttempts: 1 }],
    ['parking', { parkPermanentErrors: true }],
    ['barrier', { barrier: true }],
    ['mode', { mode: 'saga' }],
    ['driver', { driver: 'participant' }],
    ['dialect', { dialect: 'dtm' }],
    ['predecessors', { after: ['7' as BranchId] }],
  ];

  it.each(others)('differ by %s', (_, over) => {
    const usual = shapes.textOf(gid, aBranchSpec());
    const other = aBranchSpec(over);
    expect(shapes.textOf(gid, other)).not.toBe(usual);
    expect(shapes.textOf(gid, aBranchSpec(over))).toBe(shapes.textOf(gid, other));
    expect(shapes.textOf(gid, aBranchSpec())).toBe(usual);
  });

  it('stay right when there are more than are remembered', () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 2_500; i++) {
        const spec = aBranchSpec({ target: `host-${i % 1_250}:1`, stuckAttempts: i });
        expect(shapes.textOf(gid, spec)).toContain(`"host-${i % 1_250}:1"`);
        expect(shapes.textOf(gid, spec)).toMatch(new RegExp(`,${i}$`));
      }
    }
  });

  it('are checked before they are remembered', () => {
    const wrong = aBranchSpec({ stuckAttempts: 0.5 });
    for (let i = 0; i < 2; i++)
      expect(() => shapes.textOf(gid, wrong)).toThrow('number of a branch');
  });
});
