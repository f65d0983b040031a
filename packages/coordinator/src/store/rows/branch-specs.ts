/**
 * What never changes of branches ↔ one row of `registrations`. `specs` is a JSON array with one array per branch: id,
 * not_after, lengths of its bytes, then its shape. `payloads` holds the bytes of all branches, one behind the other.
 *
 * R1 Bytes of Confirm and Cancel that equal the Try's are not there: their length is missing or null.
 */
import type { Branch, BranchId, BranchSpec, GlobalTransaction } from '@tercet/core';
import { assertBytes } from '../row-rules';
import type { BranchPayloads } from '../store';
import { ownBytes } from '../stored-form';
import type { ByteList } from './byte-list';
import type { RegistrationRow } from './columns';
import { type ShapeFields, type SpecShapes, decodeShape } from './spec-shapes';

/** Length of the Try's bytes alone, or of all three; null = the same bytes as the Try's (R1). */
type Lengths = number | readonly [payload: number, confirm: number | null, cancel: number | null];

type Entry = readonly [id: BranchId, notAfter: number, lengths: Lengths, ...shape: ShapeFields];

/** The text of the branches of `tx` from place `from` on; adds their bytes to `bytes`. Throws StoreFailure `data`. */
export function encodeSpecs(
  tx: GlobalTransaction,
  from: number,
  { shapes, bytes }: { readonly shapes: SpecShapes; readonly bytes: ByteList },
): string {
  let text = '[';
  for (let place = from; place < tx.branches.length; place++) {
    const branch = tx.branches[place];
    if (branch === undefined) continue;
    assertBytes(tx.gid, branch);
    const { spec, notAfter } = branch;
    const shape = shapes.textOf(tx.gid, spec);
    const lengths = addBytes(spec, bytes);
    const comma = text.length === 1 ? '' : ',';
    text += `${comma}[${JSON.stringify(spec.id)},${notAfter},${lengths},${shape}]`;
  }
  return `${text}]`;
}

/** Adds the bytes of a branch; the lengths as text. */
function addBytes(spec: BranchSpec, bytes: ByteList): string {
  const { payload } = spec;
  const confirm = ownBytes(spec.confirmPayload, payload);
  const cancel = ownBytes(spec.cancelPayload, payload);
  bytes.add(payload);
  if (confirm === undefined && cancel === undefined) return String(payload.length);
  if (confirm !== undefined) bytes.add(confirm);
  if (cancel !== undefined) bytes.add(cancel);
  return `[${payload.length},${confirm?.length ?? null},${cancel?.length ?? null}]`;
}

/** The branches of a registration without their states. */
export function decodeSpecs(row: RegistrationRow): readonly Pick<Branch, 'spec' | 'notAfter'>[] {
  let at = 0;
  return (JSON.parse(row.specs) as readonly Entry[]).map((entry) => {
    const [id, notAfter, lengths, ...shape] = entry;
    const length = totalOf(lengths);
    const payloads = payloadsOf(lengths, row.payloads.subarray(at, at + length));
    at += length;
    return { spec: { id, ...decodeShape(shape), ...payloads }, notAfter };
  });
}

/** Where the bytes of one branch lie within a registration. */
export interface PayloadPlace {
  readonly at: number;
  readonly length: number;
  readonly lengths: Lengths;
}

/** The place of the bytes of `branchId`, undefined where the registration is not its own. */
export function findPayload(specs: string, branchId: string): PayloadPlace | undefined {
  let at = 0;
  for (const [id, , lengths] of JSON.parse(specs) as readonly Entry[]) {
    const length = totalOf(lengths);
    if (id === branchId) return { at, length, lengths };
    at += length;
  }
  return undefined;
}

/** The bytes of each call, cut from those of the branch. */
export function payloadsOf(lengths: Lengths, bytes: Uint8Array): BranchPayloads {
  const [payload, confirm, cancel] = threeOf(lengths);
  const cancelAt = payload + (confirm ?? 0);
  return {
    payload: bytes.slice(0, payload),
    confirmPayload: confirm === null ? undefined : bytes.slice(payload, cancelAt),
    cancelPayload: cancel === null ? undefined : bytes.slice(cancelAt, cancelAt + cancel),
  };
}

function totalOf(lengths: Lengths): number {
  const [payload, confirm, cancel] = threeOf(lengths);
  return payload + (confirm ?? 0) + (cancel ?? 0);
}

function threeOf(lengths: Lengths): Exclude<Lengths, number> {
  return typeof lengths === 'number' ? [lengths, null, null] : lengths;
}
