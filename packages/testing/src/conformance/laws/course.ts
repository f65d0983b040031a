/** The course of a call and its ends: what laws about the single branch do over and over. */
import type { Answer } from '../answer';
import type { BranchCalls, Phase } from '../branch-calls';
import { differences, shown } from '../difference';
import { LawBroken } from '../law';
import type { Stage } from '../stage';

/** A race is run so many times: one that goes well proves little. */
export const ROUNDS = 3;
/** So many calls race. */
export const RACERS = 3;

/** Confirms until it is answered OK; the state must be that of Try and Confirm, once each. */
export async function confirmed(stage: Stage, branch: BranchCalls): Promise<void> {
  await branch.done('confirm');
  const whole = stage.reference.after({ confirmed: [1] });
  await stage.expectState(whole, 'the state after one Try and one Confirm');
}

/** Cancels until it is answered OK; nothing of the branch may be left. */
export async function cancelled(stage: Stage, branch: BranchCalls): Promise<void> {
  await branch.done('cancel');
  await stage.expectState(stage.reference.before, 'the state before the Try');
}

/** The state must be that of one Try. */
export async function triedOnce(stage: Stage): Promise<void> {
  await stage.expectState(stage.reference.after({ tried: [1] }), 'the state after one Try');
}

/** Sends the same call several times at once; at least one must be answered OK in the end. Gives the OK answers. */
export async function atOnce(branch: BranchCalls, phase: Phase): Promise<readonly Answer[]> {
  const answers = await Promise.all(Array.from({ length: RACERS }, () => branch.call(phase)));
  const last = await branch.done(phase);
  return [...answers.filter(({ ok }) => ok), last];
}

/** All replies must be the first one. */
export function sameReplies(answers: readonly Answer[]): void {
  const [first, ...others] = answers.map(({ reply }) => shown(reply, { sorted: true }));
  const other = others.find((each) => each !== first);
  if (first === undefined || other === undefined) return;
  throw new LawBroken({
    expected: `every answer to the Try of one branch to be ${first}`,
    found: [`one was ${other}`],
  });
}

/** A late Try must be refused, and take nothing. */
export async function lateTryRefused(
  stage: Stage,
  branch: BranchCalls,
  nth = 'a late Try',
): Promise<void> {
  await branch.refused('try', `${nth}, after its Cancel,`);
  await stage.expectState(stage.reference.before, 'the state before the Try');
}

/** The state must be one of some. */
export async function expectOneOf(
  stage: Stage,
  ends: readonly { readonly what: string; readonly state: Parameters<Stage['expectState']>[0] }[],
): Promise<void> {
  const found = await stage.state();
  const apart = ends.map(({ state }) => differences(state, found));
  if (apart.some((lines) => lines.length === 0)) return;
  throw new LawBroken({
    expected: ends.map(({ what }) => what).join(', or '),
    found: apart.flatMap((lines, i) => lines.map((line) => `against ${ends[i]?.what}: ${line}`)),
  });
}
