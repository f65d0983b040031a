/** Laws of a participant that dies in the middle: what it had done is whole or not there, and the repetition ends it. */
import type { BranchCalls, Phase } from '../branch-calls';
import type { CrashPoint, Fault } from '../faults';
import { type Law, LawUnchecked } from '../law';
import type { Stage } from '../stage';
import { type Subject, isBarrier } from '../subject';
import { cancelled, confirmed, triedOnce } from './course';

/** More places than these are not tried. */
const USES_MAX = 8;

const needsBarrier = ({ barrier }: Subject): string | undefined =>
  isBarrier(barrier) ? undefined : 'only a barrier knows the moment before COMMIT';

const needsUses = ({ seesUses }: Subject): string | undefined =>
  seesUses
    ? undefined
    : 'nobody sees where handlers that guard by themselves use their database; give them as a function of db';

const lostTry =
  "Write through ctx.db only. What goes elsewhere (another connection, memory, another service) is not rolled back with the local transaction: do it in Confirm, in a way that bears repetition, or say cancelWhenTryUnknown: 'call' and undo it in Cancel.";
const lostWork =
  'Write through ctx.db only. What goes elsewhere (another connection, memory, another service) is not rolled back with the local transaction: give it a key by which a repetition is known there, or work it out from the rows.';
const lostAnswer =
  'Write the mark of the call in the same local transaction as its work, and do nothing where it is there.';

/** L16. */
export const crashBeforeCommitOfTry: Law = {
  id: 'L16',
  title: 'A Try that died before COMMIT leaves nothing; repeated it takes once',
  money: 'What it did outside of its local transaction stays: taken, and nobody gives it back.',
  mend: lostTry,
  unchecked: needsBarrier,
  check: (stage) => crashedTry(stage, crash('before-commit')),
};

/** L17. */
export const crashAfterCommitOfTry: Law = {
  id: 'L17',
  title: 'A Try that died between COMMIT and answer has taken once, and Cancel gives it back',
  money:
    'The initiator does not know that the Try was done. It comes again, or its Cancel does: it takes twice, or is never given back.',
  mend: lostAnswer,
  check: (stage) => crashedTry(stage, crash(lastMoment(stage))),
};

/** L18. */
export const crashBeforeCommitOfConfirm: Law = {
  id: 'L18',
  title: 'A Confirm that died before COMMIT and is repeated has its effect once',
  money:
    'What it did outside of its local transaction is there already when the repetition does it again.',
  mend: lostWork,
  unchecked: needsBarrier,
  check: (stage) => crashedEnd(stage, 'confirm', crash('before-commit')),
};

/** L19. */
export const crashAfterCommitOfConfirm: Law = {
  id: 'L19',
  title: 'A Confirm that died between COMMIT and answer and is repeated has its effect once',
  money: 'The coordinator has no answer and repeats: it is booked twice.',
  mend: lostAnswer,
  check: (stage) => crashedEnd(stage, 'confirm', crash(lastMoment(stage))),
};

/** L20. */
export const crashBeforeCommitOfCancel: Law = {
  id: 'L20',
  title: 'A Cancel that died before COMMIT and is repeated has its effect once',
  money:
    'What it did outside of its local transaction is given back already when the repetition gives it back again.',
  mend: lostWork,
  unchecked: needsBarrier,
  check: (stage) => crashedEnd(stage, 'cancel', crash('before-commit')),
};

/** L21. */
export const crashAfterCommitOfCancel: Law = {
  id: 'L21',
  title: 'A Cancel that died between COMMIT and answer and is repeated has its effect once',
  money: 'The coordinator has no answer and repeats: it is given back twice.',
  mend: lostAnswer,
  check: (stage) => crashedEnd(stage, 'cancel', crash(lastMoment(stage))),
};

/** L22. */
export const crashWithinTry: Law = {
  id: 'L22',
  title: 'A Try that died half-way takes nothing, or once: repeated, or cancelled',
  money:
    'Half of it is there. Its Cancel finds no mark and does nothing, or undoes what was never done.',
  mend: 'Do all of Try, its mark included, in one local transaction. Two transactions leave a moment between them.',
  unchecked: needsUses,
  check: (stage) =>
    atEachUseOf(stage, ['try'], (_phase, use) => crashedTry(stage, { kind: 'crash-at-use', use })),
};

/** L23. */
export const crashWithinEnd: Law = {
  id: 'L23',
  title: 'A Confirm or Cancel that died half-way and is repeated has its effect once',
  money: 'Half of it is done twice, or the other half never.',
  mend: 'Do all of it, its mark included, in one local transaction. Two transactions leave a moment between them.',
  unchecked: needsUses,
  async check(stage) {
    await atEachUseOf(stage, ['confirm', 'cancel'], (phase, use) =>
      crashedEnd(stage, phase, { kind: 'crash-at-use', use }),
    );
  },
};

/** L24. */
export const failingTry: Law = {
  id: 'L24',
  title: 'A Try of which one statement fails is not answered OK, or is whole',
  money:
    'An error was swallowed: the initiator is told that all is reserved, and half of it is not.',
  mend: 'Let errors of the database through: the barrier rolls back, and the call is repeated. Catch only what you know, and look at what it means.',
  unchecked: needsUses,
  check: (stage) =>
    atEachUseOf(stage, ['try'], async (_phase, use) => {
      await stage.begin();
      const branch = stage.branch();
      const { answer } = await branch.faulty('try', { kind: 'failing-use', use });
      if (answer.ok) {
        await triedOnce(stage);
        return confirmed(stage, branch);
      }
      await cancelled(stage, branch);
      return neverTakes(stage, branch);
    }),
};

/** L25. */
export const failingEnd: Law = {
  id: 'L25',
  title: 'A Confirm or Cancel of which one statement fails is not answered OK, or is whole',
  money: 'An error was swallowed: the coordinator believes that it is done, and never calls again.',
  mend: 'Let errors of the database through: the barrier rolls back, and the call is repeated.',
  unchecked: needsUses,
  async check(stage) {
    await atEachUseOf(stage, ['confirm', 'cancel'], (phase, use) =>
      crashedEnd(stage, phase, { kind: 'failing-use', use }),
    );
  },
};

function crash(at: CrashPoint): Fault {
  return { kind: 'crash', at };
}

function lastMoment({ subject }: Stage): CrashPoint {
  return isBarrier(subject.barrier) ? 'after-commit' : 'after-handler';
}

/** A Try that dies, then both of its futures: it is repeated and confirmed, or cancelled. */
async function crashedTry(stage: Stage, fault: Fault): Promise<void> {
  await stage.begin();
  const again = stage.branch();
  await again.faulty('try', fault);
  await again.done('try');
  await triedOnce(stage);
  await confirmed(stage, again);
  await stage.begin();
  const given = stage.branch();
  await given.faulty('try', fault);
  await cancelled(stage, given);
  await neverTakes(stage, given);
}

/** One whose Try was seen may be answered like that; none may take. */
async function neverTakes(stage: Stage, branch: BranchCalls): Promise<void> {
  await branch.call('try');
  await stage.expectState(stage.reference.before, 'the state before the Try');
}

async function crashedEnd(stage: Stage, phase: 'confirm' | 'cancel', fault: Fault): Promise<void> {
  await stage.begin();
  const branch = stage.branch();
  await branch.done('try');
  const { answer } = await branch.faulty(phase, fault);
  const end = phase === 'confirm' ? confirmed : cancelled;
  if (!answer.ok) return end(stage, branch);
  // Answered OK, the coordinator does not call again.
  const { before } = stage.reference;
  const whole = phase === 'confirm' ? stage.reference.after({ confirmed: [1] }) : before;
  return stage.expectState(whole, `the state after the ${phase}, which was answered OK`);
}

async function atEachUseOf<P extends Phase>(
  stage: Stage,
  phases: readonly P[],
  check: (phase: P, use: number) => Promise<void>,
): Promise<void> {
  let checked = 0;
  for (const phase of phases) {
    const uses = Math.min(await stage.usesOf(phase), USES_MAX);
    for (let use = 1; use <= uses; use += 1) await check(phase, use);
    checked += uses;
  }
  if (checked === 0) {
    throw new LawUnchecked(`${phases.join(' and ')} call nothing of their database`);
  }
}
