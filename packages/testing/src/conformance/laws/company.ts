/** Laws of branches in company: none may touch what belongs to another. */
import type { Law } from '../law';
import { REQUESTS_AT_ONCE } from '../reference';
import { ROUNDS } from './course';

/** L27. */
export const siblings: Law = {
  id: 'L27',
  title: 'Two branches of one run do not disturb each other',
  money:
    'The second branch is taken for a repetition of the first, or the end of one ends the other: goods are sold that were never reserved.',
  mend: 'Key every mark and every reservation by run id and branch id, never by the run id or the gid alone. Keep nothing of a branch in variables of the process.',
  async check(stage) {
    const second = stage.reference.after({ tried: [2] });
    await stage.begin();
    const run = stage.run();
    const [one, two] = [stage.branch({ run }), stage.branch({ run, id: '2', n: 2 })];
    await one.done('try');
    await two.done('try');
    await stage.expectState(stage.reference.after({ tried: [1, 2] }), 'the state after both Tries');
    await one.done('cancel');
    await stage.expectState(second, 'the state after the Try of branch 2 alone');
    await two.done('cancel');
    await stage.expectState(stage.reference.before, 'the state before both Tries');

    await stage.begin();
    const next = stage.run();
    const [third, fourth] = [
      stage.branch({ run: next }),
      stage.branch({ run: next, id: '2', n: 2 }),
    ];
    await third.done('try');
    await fourth.done('try');
    await third.done('confirm');
    await fourth.done('confirm');
    await stage.expectState(stage.reference.after({ confirmed: [1, 2] }), 'both confirmed');

    await stage.begin();
    const last = stage.run();
    await stage.branch({ run: last }).done('cancel');
    await stage.branch({ run: last, id: '2', n: 2 }).done('try');
    await stage.expectState(second, 'the state after the Try of branch 2 alone');
  },
};

/** L28. */
export const otherRuns: Law = {
  id: 'L28',
  title: 'Two runs do not disturb each other, also under one gid',
  money:
    'What a cancelled run has left keeps the next one of the same order out, or ends it: a customer cannot order again, or gets it for nothing.',
  mend: 'Key every mark and every reservation by run id and branch id. The gid is the same for a second run of the same order.',
  async check(stage) {
    for (const sameGid of [true, false]) {
      await stage.begin();
      const first = stage.run();
      const second = stage.run(sameGid ? first.gid : undefined);
      const [given, kept] = [stage.branch({ run: first }), stage.branch({ run: second, n: 2 })];
      await given.done('try');
      await kept.done('try');
      await given.done('cancel');
      await stage.expectState(stage.reference.after({ tried: [2] }), 'the Try of run B alone');
      await kept.done('confirm');
      await stage.expectState(stage.reference.after({ confirmed: [2] }), 'run B alone, confirmed');
      await given.call('try');
      await given.done('cancel');
      await stage.expectState(stage.reference.after({ confirmed: [2] }), 'run B alone, confirmed');
    }
  },
};

/** L29. */
export const crowd: Law = {
  id: 'L29',
  title: 'Branches of many runs at the same time lose none of their work',
  money:
    'Two Tries read the same balance, each writes its own result: one of them has taken nothing, and the stock is sold twice.',
  mend: 'Change by the difference in one statement (free = free - n WHERE free >= n), or lock the row, or compare a version column. Do not write back what you read.',
  async check(stage) {
    const all = Array.from({ length: REQUESTS_AT_ONCE }, (_, i) => i + 1);
    for (let round = 0; round < ROUNDS; round += 1) {
      await stage.begin();
      const branches = all.map((n) => stage.branch({ n }));
      await Promise.all(branches.map((branch) => branch.done('try')));
      await stage.expectState(stage.reference.after({ tried: all }), 'the state after every Try');
      await Promise.all(branches.map((branch, i) => branch.done(i < 2 ? 'confirm' : 'cancel')));
      const half = stage.reference.after({ confirmed: [1, 2] });
      await stage.expectState(half, 'requests 1 and 2 confirmed, the others given back');
    }
  },
};
