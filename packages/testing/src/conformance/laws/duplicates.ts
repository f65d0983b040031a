/** Laws of what comes twice: a lost answer is repeated, and repetitions may overlap. */
import type { Law } from '../law';
import type { Stage } from '../stage';
import { ROUNDS, atOnce, cancelled, confirmed, sameReplies, triedOnce } from './course';

/** L3. */
export const repeatedTry: Law = {
  id: 'L3',
  title: 'A repeated Try takes once',
  money:
    'A Try whose answer was lost comes again. Each time it takes more, and only one share is ever confirmed or given back.',
  mend: 'Give addTcc a barrier and write through ctx.db; or insert a row keyed by run id and branch id in the transaction of the Try, and do nothing where it is there.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    await branch.done('try');
    await branch.call('try');
    await branch.call('try');
    await triedOnce(stage);
    await confirmed(stage, branch);
    await branch.call('try');
    const whole = stage.reference.after({ confirmed: [1] });
    await stage.expectState(
      whole,
      'the state after one Try and one Confirm, a Try after them included',
    );
  },
};

/** L4. */
export const sameReply: Law = {
  id: 'L4',
  title: 'A repeated Try is answered what the first one was',
  money:
    'The initiator goes on with a reply that belongs to nothing: a reservation number that nobody can redeem.',
  mend: 'Keep the reply in the row that marks the Try, and answer a duplicate from it. A barrier does so.',
  async check(stage) {
    await stage.begin();
    const branch = stage.branch();
    const first = await branch.done('try');
    const second = await branch.done('try');
    await stage.restart();
    const third = await branch.done('try');
    sameReplies([first, second, third]);
  },
};

/** L5. */
export const racingTries: Law = {
  id: 'L5',
  title: 'Tries of one branch at the same time take once',
  money:
    'A Try that was given up may still run while it is repeated. Both take, and one share is lost.',
  mend: 'Insert the mark of the Try first, under a unique key, and in the same local transaction as its work: reading first and writing afterwards lets both through.',
  async check(stage) {
    for (let round = 0; round < ROUNDS; round += 1) {
      await stage.begin();
      const branch = stage.branch();
      sameReplies(await atOnce(branch, 'try'));
      await triedOnce(stage);
      await confirmed(stage, branch);
    }
  },
};

/** L6. */
export const repeatedConfirm: Law = {
  id: 'L6',
  title: 'A repeated Confirm has its effect once, and is answered OK',
  money:
    'The coordinator repeats a Confirm until it is answered OK. Each repetition books again; one that is refused keeps the transaction unfinished for ever.',
  mend: 'Mark the Confirm in its own local transaction; where the mark is there, do nothing and return.',
  check: (stage) => repeated(stage, 'confirm'),
};

/** L7. */
export const racingConfirms: Law = {
  id: 'L7',
  title: 'Confirms of one branch at the same time have the effect once',
  money: 'A Confirm that ran into its deadline may still run while the next one comes. Both book.',
  mend: 'Write the mark of the Confirm first, under a unique key or with a row lock, then do the work, in one local transaction.',
  check: (stage) => racing(stage, 'confirm'),
};

/** L8. */
export const repeatedCancel: Law = {
  id: 'L8',
  title: 'A repeated Cancel has its effect once, and is answered OK',
  money:
    'The coordinator repeats a Cancel until it is answered OK. Each repetition gives back what is no longer there: stock or money out of nothing.',
  mend: 'Mark the Cancel in its own local transaction; where the mark is there, do nothing and return.',
  check: (stage) => repeated(stage, 'cancel'),
};

/** L9. */
export const racingCancels: Law = {
  id: 'L9',
  title: 'Cancels of one branch at the same time have the effect once',
  money:
    'A Cancel that ran into its deadline may still run while the next one comes. Both give back.',
  mend: 'Write the mark of the Cancel first, under a unique key or with a row lock, then do the work, in one local transaction.',
  check: (stage) => racing(stage, 'cancel'),
};

const ends = { confirm: confirmed, cancel: cancelled } as const;

async function repeated(stage: Stage, phase: 'confirm' | 'cancel'): Promise<void> {
  await stage.begin();
  const branch = stage.branch();
  await branch.done('try');
  await ends[phase](stage, branch);
  await ends[phase](stage, branch);
  await stage.restart();
  await ends[phase](stage, branch);
}

async function racing(stage: Stage, phase: 'confirm' | 'cancel'): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await stage.begin();
    const branch = stage.branch();
    await branch.done('try');
    await atOnce(branch, phase);
    await ends[phase](stage, branch);
  }
}
