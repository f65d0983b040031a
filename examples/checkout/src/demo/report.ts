/** The last page of the demo: a table of what happened, and the checks. */
import colors from 'picocolors';
import { serviceNames } from '../definitions';
import { type Check, type Evidence, deaths, ordersThatAre } from './checks';

/** At most so many problems of one check are listed. */
const PROBLEMS_SHOWN = 5;

/** The table of what happened, as lines. */
export function tableOf({ facts, books }: Evidence, seconds: number): readonly string[] {
  const branches = [...facts.views.values()].flatMap((view) => view.branches);
  const retries = branches.reduce((sum, { attempts }) => sum + Math.max(0, attempts - 1), 0);
  const tombstones = serviceNames
    .flatMap((service) => books[service].branches)
    .filter(({ state, tried }) => state === 'cancelled' && !tried).length;
  const rows: readonly (readonly [string, number | string])[] = [
    ['orders', facts.orders.length],
    ['confirmed', ordersThatAre(facts, 'confirmed').length],
    ['cancelled', ordersThatAre(facts, 'cancelled').length],
    ...reasonsOf(facts),
    ['services that died', deaths(facts)],
    ['coordinators killed', facts.coordinatorKills],
    ['calls of Confirm and Cancel that were repeated', retries],
    ['Cancels with nothing to undo (tombstones)', tombstones],
    ['Tries that came after their Cancel, kept out', facts.lateTries.length],
    ['seconds', seconds.toFixed(1)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${String(value).padStart(6)}`);
}

/** The checks as lines. */
export function linesOf(checks: readonly Check[]): readonly string[] {
  return checks.flatMap(({ text, problems }) => {
    if (problems.length === 0) return [`  ${colors.green('✓')} ${text}`];
    const shown = problems.slice(0, PROBLEMS_SHOWN).map((problem) => `      ${problem}`);
    const rest = problems.length - shown.length;
    const more = rest > 0 ? [`      and ${rest} more`] : [];
    return [`  ${colors.red('✗')} ${text}`, ...shown, ...more];
  });
}

/** Why orders were cancelled, the most frequent reason first. */
function reasonsOf(facts: Evidence['facts']): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { reason } of facts.told.values()) {
    if (reason !== '') counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => [`  ${reason}`, count] as const);
}
