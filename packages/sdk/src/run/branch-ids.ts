/** The ids that one run, or one Try with nested work, gives its branches. */
import { type BranchId, parseBranchId } from '@tercet/core';

/**
 * Makes the next id at each call: `1`, `2`, … for the initiator itself, `<parent>.1`, `<parent>.2`, … for the Try of
 * `parent`. It throws INVALID_ARGUMENT where that nests deeper than the contract allows.
 */
export function branchIds(parent?: BranchId): () => BranchId {
  const prefix = parent === undefined ? '' : `${parent}.`;
  let count = 0;
  return () => {
    count += 1;
    return parseBranchId(`${prefix}${count}`);
  };
}

/** Whether `id` is nested under `ancestor`, however deep; a branch is not nested under itself. */
export function isNestedUnder(id: BranchId, ancestor: BranchId): boolean {
  return id.startsWith(`${ancestor}.`);
}
