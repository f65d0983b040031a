/** Checks one law for one action, within its time, and puts what it found into words. */
import { systemScheduler } from '@tercet/runtime';
import { type Law, LawBroken, LawUnchecked, type Seen } from './law';
import type { Reference } from './reference';
import type { LawResult } from './report';
import { Stage } from './stage';
import type { Subject, SubjectAction } from './subject';

/** Which law, of which action, against which reference; undefined = it makes one. */
export interface LawToCheck {
  readonly law: Law;
  readonly on: SubjectAction;
  readonly reference: Reference | undefined;
}

/** What became of it. */
export interface CheckedLaw {
  readonly result: LawResult;
  /** The states to compare with, where it was L1 and held. */
  readonly reference: Reference | undefined;
  /** Whether a handler did not return. */
  readonly hangs: boolean;
}

/** Checks a law. Rejects with ConfigError where what was given cannot be checked. */
export async function checkedLaw(
  subject: Subject,
  { law, on, reference }: LawToCheck,
): Promise<CheckedLaw> {
  const left = subject.except[law.id] ?? law.unchecked?.(subject);
  if (left !== undefined) {
    return { result: uncheckedLaw(law, on, left), reference: undefined, hangs: false };
  }
  const stage = new Stage(subject, on, reference);
  try {
    const made = await withinTime(stage, law.check(stage));
    const result = resultOf(law, on, { outcome: 'held', text: '' });
    return { result, reference: made ?? undefined, hangs: false };
  } catch (error) {
    if (error instanceof LawUnchecked) {
      return { result: uncheckedLaw(law, on, error.message), reference: undefined, hangs: false };
    }
    if (!(error instanceof LawBroken)) throw error;
    const story = stage.story.told;
    const text = textOf(law, { stage, seen: error.seen });
    const result = resultOf(law, on, { outcome: 'broken', text, story });
    return { result, reference: undefined, hangs: error.seen.hangs ?? false };
  } finally {
    stage.end();
  }
}

/** A law that cannot be checked because another one does not hold. */
export function uncheckedLaw(law: Law, on: SubjectAction, why: string): LawResult {
  return resultOf(law, on, { outcome: 'unchecked', text: why });
}

function resultOf(
  law: Law,
  { action }: SubjectAction,
  found: Pick<LawResult, 'outcome' | 'text'> & { readonly story?: readonly string[] },
): LawResult {
  return { law: law.id, title: law.title, action: action.name, story: [], ...found };
}

async function withinTime<T>(stage: Stage, check: Promise<T>): Promise<T> {
  const { lawTimeoutMs } = stage.subject;
  let over: () => void = () => {};
  const time = new Promise<'over'>((resolve) => {
    over = () => resolve('over');
  });
  const timer = systemScheduler.after(lawTimeoutMs, over);
  // Where the time is over first, nobody listens to what the law says afterwards.
  check.catch(() => {});
  try {
    const first = await Promise.race([check, time]);
    if (first !== 'over') return first;
  } finally {
    timer.cancel();
  }
  const hanging = stage.underWay;
  throw new LawBroken({
    expected: `this law to be checked within ${lawTimeoutMs} ms`,
    found: [
      hanging.length > 0
        ? `${hanging.join(', ')} had not returned`
        : 'its calls took longer; raise lawTimeout where the database is slow',
    ],
    hangs: hanging.length > 0,
  });
}

function textOf(law: Law, { stage, seen }: { readonly stage: Stage; readonly seen: Seen }): string {
  const story = stage.story.told;
  return [
    `${law.id} of ${stage.action.name} is broken: ${law.title}`,
    `  What it costs: ${law.money}`,
    '  What happened:',
    ...story.map((line) => `    ${line}`),
    `  Expected: ${seen.expected}`,
    ...foundLines(seen.found),
    `  To mend: ${law.mend}`,
  ].join('\n');
}

function foundLines(found: readonly string[]): readonly string[] {
  const [only, ...more] = found;
  return more.length === 0
    ? [`  Found: ${only ?? 'nothing'}`]
    : ['  Found:', ...found.map((line) => `    ${line}`)];
}
