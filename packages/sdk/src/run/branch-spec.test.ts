import { describe, expect, it } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import { ShopTccService } from '../../test/support/shop-service';
import { defineTcc } from '../define-tcc';
import { branchSpecOf } from './branch-spec';

type Serialize = typeof ShopTccService.reserveTry.requestSerialize;

/** The shop, with serializers of its own for Confirm and Cancel. */
function shopThatWrites(confirm: Serialize, cancel: Serialize) {
  const { reserveTry, reserveConfirm, reserveCancel } = ShopTccService;
  return defineTcc(
    {
      reserveTry,
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

const same = ShopTccService.reserveTry.requestSerialize;

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
});
