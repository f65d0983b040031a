import { describe, expect, it } from '@jest/globals';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import * as fc from 'fast-check';
import {
  cleanLabels,
  cleanText,
  storedBranch,
  storedTransaction,
  storedVerdict,
} from './stored-form';

describe('cleaning texts (F1)', () => {
  it('leaves texts as they are that every database takes', () => {
    expect(cleanText("it's 🛒 ü \\ -- \n")).toBe("it's 🛒 ü \\ -- \n");
  });

  it('replaces NUL and lone surrogates, one character for one', () => {
    expect(cleanText('a\0b\ud800c\udc00')).toBe('a\ufffdb\ufffdc\ufffd');
  });

  it('gives a text that survives UTF-8, whatever it was, and twice is once', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 0, max: 0xffff }),
        (text, unit) => {
          const clean = cleanText(text + String.fromCharCode(unit));
          expect(Buffer.from(clean, 'utf8').toString('utf8')).toBe(clean);
          expect(clean).not.toContain('\0');
          expect(cleanText(clean)).toBe(clean);
        },
      ),
    );
  });

  it('cleans who gave a verdict and why, and leaves the rest of it', () => {
    const verdict = { asserted: 'confirmed', by: 'o\0ps', at: 7, reason: 'paid\ud800' } as const;
    const clean = { ...verdict, by: 'o\ufffdps', reason: 'paid\ufffd' };
    expect(storedVerdict(verdict)).toEqual(clean);
    expect(storedBranch(aBranch({ verdict })).verdict).toEqual(clean);
    expect(storedVerdict(undefined)).toBeUndefined();
  });

  it('keeps one of two labels whose keys become equal', () => {
    expect(cleanLabels({ 'a\0': '1', 'a\ufffd': '2' })).toEqual({ 'a\ufffd': '2' });
  });
});

describe('the stored form of bytes', () => {
  it('is a copy, also of a Buffer, whose slice would be a view (F3)', () => {
    const payload = Buffer.from([1, 2, 3]);
    const stored = storedBranch(aBranch({ spec: aBranchSpec({ payload }) }));
    payload.fill(0);
    expect([...stored.spec.payload]).toEqual([1, 2, 3]);
    expect(stored.spec.payload.buffer.byteLength).toBe(3);
  });

  it('holds equal bytes once (F2)', () => {
    const payload = Uint8Array.of(1, 2);
    const spec = aBranchSpec({
      payload,
      confirmPayload: Buffer.from(payload),
      cancelPayload: Uint8Array.of(2, 1),
    });
    const stored = storedBranch(aBranch({ spec })).spec;
    expect(stored.confirmPayload).toBeUndefined();
    expect(stored.cancelPayload).toEqual(Uint8Array.of(2, 1));
  });
});

describe('the stored form of a transaction', () => {
  it('is itself when stored again', () => {
    const once = storedTransaction(aTransaction({ labels: { order: '7' }, name: 'a\0' }));
    expect(storedTransaction(once)).toEqual(once);
  });
});
