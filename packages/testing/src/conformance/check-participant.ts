/**
 * The conformance kit: does a participant keep what a participant owes? Its handlers are put on a real gRPC server by
 * `addTcc`, called as coordinator and initiator would call them, twice, late, at once and dying in the middle, and the
 * business state is compared with that of an undisturbed run. There is no coordinator.
 */
import { type CancelWhenTryUnknown, ConfigError, type Definitions } from '@tercet/sdk';
import type { CheckOptions, CheckedHandlers } from './check-options';
import { type CheckedLaw, checkedLaw, uncheckedLaw } from './checked-law';
import type { Law, LawId } from './law';
import { laws } from './laws';
import { undisturbed } from './laws/undisturbed';
import { type LawResult, ParticipantLawError, type ParticipantReport, reportOf } from './report';
import { type Subject, type SubjectAction, subjectOf } from './subject';

/**
 * Checks every law for every action.
 *
 * @param definition What `addTcc` is given: one definition, or several of the same service.
 * @param handlers What `addTcc` is given; or, with `barrier: true`, a function that makes them for `options.db`.
 * @param options Barrier, requests, and how to look at the business state and to reset it.
 * @returns The report, where all laws hold. May be called again; uses the database of the handlers, and leaves in it what
 *   the last law left. Not to be run beside other work on the same database.
 * @throws ParticipantLawError where a law is broken, with the story. ConfigError where what was given cannot be checked.
 *   BarrierError where the barrier is not usable.
 */
export async function checkParticipant<
  const D extends Definitions,
  Db = undefined,
  When extends CancelWhenTryUnknown = 'skip',
  OwnDb = undefined,
>(
  definition: D,
  handlers: CheckedHandlers<D, NoInfer<Db>, NoInfer<When>, NoInfer<OwnDb>>,
  options: CheckOptions<D, Db, When, OwnDb>,
): Promise<ParticipantReport> {
  const subject = subjectOf(definition, handlers, options);
  const results: LawResult[] = [];
  for (const on of subject.actions) results.push(...(await checkedAction(subject, on)));
  const report = reportOf(subject.service, results);
  if (report.failed.length > 0) throw new ParticipantLawError(report);
  return report;
}

/** One law, to be checked by itself. */
export interface ParticipantLaw {
  readonly law: LawId;
  /** `L3 reserve: A repeated Try takes once`; a title for a test. */
  readonly title: string;
  /** Checks it for its action. Throws as `checkParticipant` does. May be called again; not beside another law. */
  check(): Promise<LawResult>;
}

/**
 * The same laws one by one, for test runners that show each as a test of its own:
 * `for (const { title, check } of participantLaws(…)) test(title, check)`. Takes and throws what `checkParticipant` does.
 */
export function participantLaws<
  const D extends Definitions,
  Db = undefined,
  When extends CancelWhenTryUnknown = 'skip',
  OwnDb = undefined,
>(
  definition: D,
  handlers: CheckedHandlers<D, NoInfer<Db>, NoInfer<When>, NoInfer<OwnDb>>,
  options: CheckOptions<D, Db, When, OwnDb>,
): readonly ParticipantLaw[] {
  const subject = subjectOf(definition, handlers, options);
  const [first, ...others] = chosen(subject);
  return subject.actions.flatMap((on) => {
    let undisturbedRun: Promise<CheckedLaw> | undefined;
    const known = (): Promise<CheckedLaw> =>
      (undisturbedRun ??= checkedLaw(subject, { law: first, on, reference: undefined }));
    const one = (law: Law, checked: () => Promise<CheckedLaw>): ParticipantLaw => ({
      law: law.id,
      title: `${law.id} ${on.action.name}: ${law.title}`,
      check: async () => held(subject, (await checked()).result),
    });
    return [
      one(first, known),
      ...others.map((law) =>
        one(law, async () => {
          const { result, reference } = await known();
          held(subject, result);
          return checkedLaw(subject, { law, on, reference });
        }),
      ),
    ];
  });
}

/** L1 is checked first: without it there is nothing to compare with. */
async function checkedAction(subject: Subject, on: SubjectAction): Promise<readonly LawResult[]> {
  const [first, ...others] = chosen(subject);
  const undisturbedRun = { law: first, on, reference: undefined };
  const { result, reference } = await checkedLaw(subject, undisturbedRun);
  const results = [result];
  let why = result.outcome === 'broken' ? `${result.law} has to hold first` : undefined;
  for (const law of others) {
    if (why === undefined) {
      const checked = await checkedLaw(subject, { law, on, reference });
      results.push(checked.result);
      if (checked.hangs) why = `a handler hangs, see ${law.id}`;
    } else results.push(uncheckedLaw(law, on, why));
  }
  return results;
}

function held({ service }: Subject, result: LawResult): LawResult {
  if (result.outcome !== 'broken') return result;
  throw new ParticipantLawError(reportOf(service, [result]));
}

/** L1 and the chosen ones. */
function chosen({ only, except }: Subject): readonly [Law, ...Law[]] {
  const known = [undisturbed, ...laws].map(({ id }) => id);
  const named = [...(only ?? []), ...(Object.keys(except) as LawId[])];
  const unknown = named.find((id) => !known.includes(id));
  if (unknown !== undefined || 'L1' in except) {
    const text =
      unknown === undefined
        ? 'L1 cannot be left out: the others need it'
        : `there is no law ${unknown}`;
    throw new ConfigError(`checkParticipant: ${text}; there are L1 to L${known.length}`);
  }
  return [undisturbed, ...laws.filter(({ id }) => only?.includes(id) ?? true)];
}
