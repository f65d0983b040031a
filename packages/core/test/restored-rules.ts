/** What a restored store makes of a transaction (R1, R2). */
import { type GlobalTransaction, isFinished, isHeld, restored } from '../src';
import { must } from './must';
import { dueOf } from './phase-two-rules';

/** Checks one transaction before and after its store was put back. */
export function checkRestored(before: GlobalTransaction, after: GlobalTransaction): void {
  must(restored(after) === after, 'R1: parking twice is parking once');
  const { branches, ...rest } = after;
  const { branches: earlier, ...same } = before;
  must(JSON.stringify(rest) === JSON.stringify(same), 'R1: nothing but branches changes');
  if (isFinished(before.status)) must(after === before, 'R1: what is finished stays as it is');
  branches.forEach((branch, i) => {
    const was = earlier[i];
    must(was?.spec === branch.spec && was.status === branch.status, 'R1: work and status stay');
    if (was.parked || was.status !== 'registered') return must(was === branch, 'R1: as it was');
    must(branch.parked && branch.attempts.stuckReason === 'restored', 'R1: pending is parked');
    must(branch.attempts.count === was.attempts.count, 'R1: the history stays');
    must(branch.attempts.lastFailure === was.attempts.lastFailure, 'R1: the last failure stays');
    must(dueOf(after, branch) === undefined, 'R1: nothing is called');
  });
  must(isHeld(after) === (after.status === 'trying' && branches.length > 0), 'R2: held');
}
