import { describe, expect, it } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import { ShopTccService } from '../../test/support/shop-service';
import { defineTcc } from '../define-tcc';
import { branchSpecOf } from './branch-spec';

type Serialize = typeof ShopTccService.reserveTry.requestSerialize;

const same = ShopTccService.reserveTry.requestSerialize;

/** The shop, with serializers of its own. */
function shopThatWrites(confirm: Serialize, cancel: Serialize, ofTry = same) {
  const { reserveTry, reserveConfirm, reserveCancel } = ShopTccService;
  return defineTcc(
    {
      reserveTry: { ...reserveTry, requestSerialize: ofTry },
      reserveConfirm: { ...reserveConfirm, requestSerialize: confirm },
      reserveCancel: { ...reserveCancel, requestSerialize: cancel },
    },
    { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
  );
}

function specOf(definition: ReturnType<typeof shopThatWrites>) {
  const request = { sku: 'tea', quantity: 1 };
  const { reserve } = definition.actions;
  const start = { action: reserve, use: { target: 'shop:1' }, request, options: {} };
  return branchSpecOf('1' as BranchId, start, 60_000);
}

describe('the payloads of a branch', () => {
  it('are each written by the serializer of their own method', () => {
    const spec = specOf(
      shopThatWrites(
        ({ sku }) => Buffer.from(`confirm ${sku}`),
        ({ sku }) => Buffer.from(`cancel ${sku}`),
      ),
    );
    expect(spec.payload).toEqual(same({ sku: 'tea', quantity: 1 }));
    expect(Buffer.from(spec.confirmPayload ?? []).toString()).toBe('confirm tea');
    expect(Buffer.from(spec.cancelPayload ?? []).toString()).toBe('cancel tea');
  });

  it('are sent once where they are equal', () => {
    const spec = specOf(shopThatWrites(same, () => Buffer.from('other')));
    expect(spec.confirmPayload).toBeUndefined();
    expect(spec.cancelPayload).toEqual(Buffer.from('other'));
  });

  it('are written once where the serializers are written alike, as generated code writes them', () => {
    let written = 0;
    const counted = (request: Parameters<Serialize>[0]): Buffer => {
      written += 1;
      return same(request);
    };
    const spec = specOf(
      shopThatWrites(
        (request) => counted(request),
        (request) => counted(request),
        (request) => counted(request),
      ),
    );
    expect(spec).toMatchObject({ confirmPayload: undefined, cancelPayload: undefined });
    expect(written).toBe(1);
  });

  it('are each written where the text of a serializer says nothing of what it does', () => {
    const writes = (word: string): Serialize =>
      function (this: string) {
        return Buffer.from(this);
      }.bind(word);
    const spec = specOf(shopThatWrites(writes('confirm'), writes('cancel'), writes('try')));
    expect(String(spec.payload)).toBe('try');
    expect(String(spec.confirmPayload)).toBe('confirm');
    expect(String(spec.cancelPayload)).toBe('cancel');
  });
});
