import { describe, expect, it } from '@jest/globals';
import { type BranchId, type Gid, noAttempts } from '@tercet/core';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import { LeanForms, isLean } from './lean';

/** A transaction as decoding a request makes it: no object is shared with another one. */
function decoded(gid: string) {
  const branches = ['1', '2'].map((id) => aBranch({ spec: aBranchSpec({ id: id as BranchId }) }));
  return structuredClone(aTransaction({ gid: gid as Gid, branches }));
}

describe('LeanForms', () => {
  it('leaves the payloads out and everything else as it is (L1)', () => {
    const tx = decoded('order-1');
    const lean = new LeanForms().transaction(tx);
    for (const [i, branch] of lean.branches.entries()) {
      const { payload, confirmPayload, cancelPayload, ...rest } = branch.spec;
      expect(isLean(branch.spec)).toBe(true);
      expect([payload.length, confirmPayload, cancelPayload]).toEqual([0, undefined, undefined]);
      const whole = tx.branches[i]?.spec;
      expect(isLean(whole ?? branch.spec)).toBe(false);
      expect(whole).toMatchObject(rest);
    }
    expect({ ...lean, branches: [] }).toEqual({ ...tx, branches: [] });
  });

  it('a branch that really has an empty payload is not taken for a lean one', () => {
    expect(isLean(aBranchSpec({ payload: new Uint8Array(0) }))).toBe(false);
  });

  it('shares equal shapes between transactions (L2)', () => {
    const forms = new LeanForms();
    const [a, b] = ['order-1', 'order-2'].map((gid) => forms.transaction(decoded(gid)));
    for (const key of ['methods', 'deadlines', 'retry', 'after'] as const) {
      expect(a?.branches[0]?.spec[key]).toBe(b?.branches[1]?.spec[key]);
    }
    expect(a?.policy).toBe(b?.policy);
    expect(a?.labels).toBe(b?.labels);
    expect(a?.branches[0]?.attempts).toBe(noAttempts);
  });

  it('shares nothing that differs', () => {
    const forms = new LeanForms();
    const ordered = { ...decoded('order-1') };
    const lean = [
      forms.transaction(ordered),
      forms.transaction({ ...ordered, policy: { onTimeout: 'cancel', phaseTwoOrder: 'reverse' } }),
    ];
    expect(lean.map(({ policy }) => policy.phaseTwoOrder)).toEqual(['all', 'reverse']);
    const slow = aBranchSpec({ deadlines: { forwardMs: 1, confirmMs: 2, cancelMs: 3 } });
    expect(forms.branch(aBranch({ spec: slow })).spec.deadlines).toEqual(slow.deadlines);
    const labelled = forms.transaction({ ...ordered, labels: { invoice: '7' } });
    expect(labelled.labels).toEqual({ invoice: '7' });
  });

  it('tells shapes apart by their fields, not by the order in which they were set', () => {
    const forms = new LeanForms();
    const methods = { forward: '/a.B/C', confirm: '/a.B/D', cancel: '/a.B/E' };
    const turned = { cancel: '/a.B/C', confirm: '/a.B/D', forward: '/a.B/E' };
    for (const given of [methods, turned]) {
      const lean = forms.branch(aBranch({ spec: aBranchSpec({ methods: given }) }));
      expect(lean.spec.methods).toEqual(given);
    }
  });

  it('keeps attempts that say something', () => {
    const forms = new LeanForms();
    for (const over of [{ count: 1 }, { nextAt: 5 }, { stuckReason: 'unreachable' as const }]) {
      const attempts = { ...noAttempts, ...over };
      expect(forms.branch(aBranch({ attempts })).attempts).toEqual(attempts);
    }
  });

  it('stays right when it has seen more shapes than it remembers', () => {
    const forms = new LeanForms();
    for (let i = 0; i < 10_050; i++) {
      const target = `host-${i}:1`;
      const retry = { firstDelayMs: i + 1, maxDelayMs: 60_000 };
      const { spec } = forms.branch(aBranch({ spec: aBranchSpec({ target, retry }) }));
      expect([spec.target, spec.retry.firstDelayMs]).toEqual([target, i + 1]);
    }
  });
});
