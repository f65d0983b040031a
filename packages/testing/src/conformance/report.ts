/** What a check has found. */
import type { LawId } from './law';

/** How one law went for one action. */
export interface LawResult {
  readonly law: LawId;
  /** A sentence that holds for a right participant. */
  readonly title: string;
  /** Name of the action. */
  readonly action: string;
  /** `unchecked`: it does not apply here, or was left out; `text` says why. */
  readonly outcome: 'held' | 'broken' | 'unchecked';
  /** Where it is broken: what it costs, the story, expected and found state, and what to mend. Empty where it held. */
  readonly text: string;
  /** Where it is broken: the calls in their order, with their answers. */
  readonly story: readonly string[];
}

/** What `checkParticipant` found. */
export interface ParticipantReport {
  /** `shop.StockTcc`. */
  readonly service: string;
  /** Every law for every action. */
  readonly laws: readonly LawResult[];
  /** The broken ones. */
  readonly failed: readonly LawResult[];
  /** All of it for people: one line for each law, the broken ones with their story. */
  readonly text: string;
}

/** Laws that are broken in full in one text; of the others the title is enough. */
const FULL_MAX = 3;

/** Puts results together. */
export function reportOf(service: string, laws: readonly LawResult[]): ParticipantReport {
  const failed = laws.filter(({ outcome }) => outcome === 'broken');
  return { service, laws, failed, text: laws.map(lineOf).join('\n') };
}

/** Thrown where a participant breaks a law. `message` tells the story; `report` has all laws. */
export class ParticipantLawError extends Error {
  override readonly name = 'ParticipantLawError';

  constructor(readonly report: ParticipantReport) {
    super(messageOf(report));
  }
}

function messageOf({ service, laws, failed }: ParticipantReport): string {
  const checked = laws.filter(({ outcome }) => outcome !== 'unchecked').length;
  const head = `${service} breaks ${failed.length} of ${checked} laws`;
  const full = failed.slice(0, FULL_MAX).map(({ text }) => text);
  const others = failed
    .slice(FULL_MAX)
    .map(({ law, action, title }) => `  ${law} ${action}: ${title}`);
  const rest = others.length === 0 ? [] : [['Broken, too:', ...others].join('\n')];
  return [head, ...full, ...rest].join('\n\n');
}

function lineOf({ law, action, title, outcome, text }: LawResult): string {
  const line = `${outcome.padEnd(9)} ${law.padEnd(3)} ${action}: ${title}`;
  if (outcome === 'unchecked') return `${line} (${text})`;
  return outcome === 'broken' ? `${line}\n${text}` : line;
}
