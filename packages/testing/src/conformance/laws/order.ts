/** Laws of what comes in the wrong order, or contradicts: networks reorder, operators err. */
import { LawBroken } from '../law';
import type { Law } from '../law';
import { ROUNDS, cancelled, confirmed, expectOneOf, lateTryRefused } from './course';

/** L10. */
export const emptyCancel: Law = {
  id: 'L10',
  title: 'A Cancel whose Try never came has no effect, and is answered OK',
  money:
    'Cancel goes to every registered branch, also to one whose Try was lost on its way. It gives back what was never taken; refused, the transaction never ends.',
  mend: 'Where no mark of the Try is found, write one that says "cancelled" and do nothing else. With cancelWhenTryUnknown: \'call\' look at ctx.tryObserved first.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    await cancelled(stage, branch);
    await cancelled(stage, branch);
  },
};

/** L11. */
export const lateTry: Law = {
  id: 'L11',
  title: 'A Try that comes after its Cancel takes nothing and is refused, each time',
  money:
    'What it takes is neither confirmed nor given back: nobody calls that branch any more. Money or stock is held for ever.',
  mend: 'Let Cancel leave a mark in the database also where it found no Try; let Try insert the same key, and refuse where it is taken. Never remove the mark because it was met.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    await cancelled(stage, branch);
    await lateTryRefused(stage, branch, 'the first Try');
    await lateTryRefused(stage, branch, 'the second Try');
    await stage.restart();
    await lateTryRefused(stage, branch, 'the third Try');
    await cancelled(stage, branch);
    await stage.begin();
    const other = stage.branch();
    await other.done('try');
    await cancelled(stage, other);
    // A duplicate may be answered like the first; it may not take.
    await other.call('try');
    await stage.expectState(stage.reference.before, 'the state before the Try');
  },
};

/** L12. */
export const tryRacingCancel: Law = {
  id: 'L12',
  title: 'A Try and its Cancel at the same time leave nothing',
  money:
    'An initiator that gives up lets Cancel leave while its Try may still run. Cancel finds nothing, then the Try takes: held for ever.',
  mend: 'Let both insert the same key before they do anything, so that one of them waits for the other.',
  async check(stage) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await stage.begin();
      const branch = stage.branch();
      const both = round % 2 === 0 ? (['try', 'cancel'] as const) : (['cancel', 'try'] as const);
      await Promise.all(both.map((phase) => branch.call(phase)));
      await cancelled(stage, branch);
      await branch.call('try');
      await stage.expectState(stage.reference.before, 'the state before the Try');
    }
  },
};

/** L13. */
export const contradiction: Law = {
  id: 'L13',
  title: 'After a Confirm no Cancel has an effect or is answered OK, and the other way round',
  money:
    'The same goods are sold and put back on the shelf. An OK hides it: the coordinator believes that the branch ended as it was told.',
  mend: 'Keep one mark for the end of a branch, which says how it ended; throw where it says the other. A barrier parks such a branch and tells an operator.',
  async check(stage) {
    await stage.begin();
    const sold = stage.branch();
    await sold.done('try');
    await confirmed(stage, sold);
    await sold.refused('cancel', 'a Cancel after the Confirm');
    const whole = stage.reference.after({ confirmed: [1] });
    await stage.expectState(whole, 'the state after one Try and one Confirm');
    await stage.begin();
    const free = stage.branch();
    await free.done('try');
    await cancelled(stage, free);
    await free.refused('confirm', 'a Confirm after the Cancel');
    await stage.expectState(stage.reference.before, 'the state before the Try');
  },
};

/** L14. */
export const confirmRacingCancel: Law = {
  id: 'L14',
  title: 'Of a Confirm and a Cancel at the same time one at most has its effect',
  money: 'Both read "reserved", both go on: the goods are sold and given back at once.',
  mend: 'Let both insert the same key, or lock the same row, before they do anything.',
  async check(stage) {
    const { before } = stage.reference;
    const tried = stage.reference.after({ tried: [1] });
    const whole = stage.reference.after({ confirmed: [1] });
    for (let round = 0; round < ROUNDS; round += 1) {
      await stage.begin();
      const branch = stage.branch();
      await branch.done('try');
      const [confirm, cancel] = await Promise.all([branch.call('confirm'), branch.call('cancel')]);
      if (confirm.ok && cancel.ok) {
        throw new LawBroken({
          expected: 'at most one of Confirm and Cancel to be answered OK',
          found: ['both were'],
        });
      }
      const ends = [
        { what: 'the state after Try and Confirm', state: whole, fits: !cancel.ok },
        { what: 'the state before the Try', state: before, fits: !confirm.ok },
        { what: 'the state after the Try', state: tried, fits: !confirm.ok && !cancel.ok },
      ];
      await expectOneOf(
        stage,
        ends.filter(({ fits }) => fits),
      );
    }
  },
};

/** L15. */
export const confirmWithoutTry: Law = {
  id: 'L15',
  title: 'A Confirm whose Try never came has no effect and is not answered OK',
  money: 'Something is sold that was never reserved. An OK hides that the reservation is lost.',
  mend: 'Throw where no mark of the Try is found. It comes only where the mark was removed or the wrong database is in use: an operator has to look.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    await branch.refused('confirm', 'a Confirm without a Try');
    await stage.expectState(stage.reference.before, 'the state before the call');
  },
};
