/** Laws of the undisturbed course: what Try takes, Cancel gives back. */
import { ConfigError } from '@tercet/sdk';
import { type Law, LawBroken, LawUnchecked } from '../law';
import { isBarrier } from '../subject';
import { cancelled, confirmed } from './course';

/** L2. */
export const givesBack: Law = {
  id: 'L2',
  title: 'Cancel gives back exactly what Try took',
  money: 'After each cancelled transaction something is missing, or there is too much.',
  mend: 'Undo every change of Try, and by the same amounts. What Try has found out is in ctx.tried and ctx.saved: do not compute it again.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    await branch.done('try');
    await cancelled(stage, branch);
    // What a cancelled run has left must not change the next one.
    const next = stage.branch();
    await next.done('try');
    await confirmed(stage, next);
  },
};

const needsRequest =
  'nothing rejects here: give a generator of requests that Try rejects (refused)';

/** L26. */
export const rejectedTry: Law = {
  id: 'L26',
  title: 'A rejected Try has taken nothing, and its Cancel gives nothing back',
  money:
    'A rejection promises that nothing was applied. What was taken before it stays, or the Cancel that follows gives back what was never taken.',
  mend: 'Check first, write afterwards, and write through ctx.db only: the barrier rolls it back. Without a barrier roll back before you throw TccReject.',
  unchecked: ({ barrier, actions }) =>
    isBarrier(barrier) || actions.every(({ refused }) => refused !== undefined)
      ? undefined
      : needsRequest,
  async check(stage) {
    await stage.begin();
    const wish = stage.refusedRequest(1);
    const branch = stage.branch(wish ?? {});
    const { answer } =
      wish === undefined
        ? await branch.faulty('try', { kind: 'reject' })
        : { answer: await branch.call('try') };
    if (wish !== undefined && answer.ok) {
      const { name } = stage.action;
      const text = `checkParticipant: Try of ${name} accepted refused.${name}(1); it must be a request that it rejects after reset`;
      throw new ConfigError(text, { option: 'refused' });
    }
    if (answer.verdict !== 'reject') {
      if (wish === undefined) throw new LawUnchecked(needsRequest);
      throw new LawBroken({ expected: 'the Try to be rejected', found: [answer.text] });
    }
    await stage.expectState(stage.reference.before, 'the state before the Try');
    await cancelled(stage, branch);
    await branch.call('try');
    await stage.expectState(stage.reference.before, 'the state before the Try');
  },
};
