/** What must hold when the demo is over. It exits with 0 only if every one of these does. */
import { type ServiceName, serviceNames } from '../definitions';
import type { Order } from '../shop';
import { type Books, movementOf } from './books';
import type { Facts } from './stage';

/** One check. */
export interface Check {
  readonly text: string;
  /** What contradicts it; empty = it holds. */
  readonly problems: readonly string[];
}

/** Everything that checks look at. */
export interface Evidence {
  readonly facts: Facts;
  readonly books: Readonly<Record<ServiceName, Books>>;
}

/** All checks, in the order in which they are shown. */
export function runChecks(evidence: Evidence): readonly Check[] {
  const { facts } = evidence;
  const confirmed = ordersThatAre(facts, 'confirmed').length;
  const cancelled = ordersThatAre(facts, 'cancelled').length;
  return [
    check('every order is confirmed or cancelled', everyOrderEnded(evidence)),
    check('each ended as the shop was told', toldTheTruth(evidence)),
    check('each ended alike at stock, wallet and shipping', endedAlike(evidence)),
    check('nothing is set aside, held or kept any more', nothingFrozen(evidence)),
    check('no article, no cent and no place was lost or made', conserved(evidence)),
    check('sold, taken and booked is what the confirmed orders say', booksMatch(evidence)),
    check(
      `enough happened to believe it: ${confirmed} confirmed, ${cancelled} cancelled`,
      confirmed > 50 && cancelled > 20 ? [] : ['more than 50 and more than 20 are expected'],
    ),
    check(
      `the coordinator was killed and finished what it had left (${facts.resumed})`,
      facts.coordinatorKills > 0 && facts.resumed > 0 ? [] : ['it had nothing to finish'],
    ),
    check(
      `branches were stuck while shipping was away (${facts.stuckBranches}), and are not any more`,
      facts.stuckBranches > 0 ? [] : ['none was'],
    ),
    check(
      `services died on the way (${deaths(facts)}), and a late Try was kept out (${facts.lateTries.length})`,
      deaths(facts) > 0 && facts.lateTries.length > 0 ? [] : ['this did not happen'],
    ),
  ];
}

/** Orders of a final status. */
export function ordersThatAre(facts: Facts, status: 'confirmed' | 'cancelled'): readonly Order[] {
  return facts.orders.filter(({ id }) => facts.views.get(id)?.status === status);
}

/** How often a service died by itself. */
export function deaths(facts: Facts): number {
  return facts.troubles.filter(({ kind }) => kind !== 'slow').length;
}

function check(text: string, problems: readonly string[]): Check {
  return { text, problems };
}

function everyOrderEnded({ facts }: Evidence): string[] {
  return facts.orders
    .map(({ id }) => ({ id, status: facts.views.get(id)?.status }))
    .filter(({ status }) => status !== 'confirmed' && status !== 'cancelled')
    .map(({ id, status }) => `${id} is ${status ?? 'not known'}`);
}

function toldTheTruth({ facts }: Evidence): string[] {
  const ends = { confirming: 'confirmed', cancelling: 'cancelled' } as Readonly<
    Record<string, string>
  >;
  return facts.orders.flatMap(({ id }) => {
    const told = facts.told.get(id)?.told ?? 'nothing';
    const status = facts.views.get(id)?.status ?? 'not known';
    return (ends[told] ?? told) === status ? [] : [`${id} is ${status}, the shop was told ${told}`];
  });
}

/** Each service has exactly one branch of each order, in the state of the transaction. */
function endedAlike({ facts, books }: Evidence): string[] {
  return serviceNames.flatMap((service) => {
    const states = new Map<string, string>();
    for (const { gid, state } of books[service].branches) {
      states.set(gid, states.has(gid) ? 'there twice' : state);
    }
    return facts.orders.flatMap(({ id }) => {
      const status = facts.views.get(id)?.status;
      const state = states.get(id) ?? 'not there';
      return state === status ? [] : [`${id} is ${state} at ${service}, not ${status ?? 'known'}`];
    });
  });
}

function nothingFrozen({ books }: Evidence): string[] {
  return eachAccount(books, ({ frozen }) => (frozen === 0 ? undefined : `${frozen} left over`));
}

function conserved({ books }: Evidence): string[] {
  return eachAccount(books, ({ opening, free, frozen, gone }) =>
    free + frozen + gone === opening ? undefined : `${free} + ${frozen} + ${gone} ≠ ${opening}`,
  );
}

function booksMatch({ facts, books }: Evidence): string[] {
  const confirmed = ordersThatAre(facts, 'confirmed');
  return eachAccount(books, ({ key, gone }, service) => {
    const expected = confirmed
      .map((order) => movementOf(service, order))
      .filter((movement) => movement.key === key)
      .reduce((sum, { amount }) => sum + amount, 0);
    return gone === expected ? undefined : `${gone} gone, the orders say ${expected}`;
  });
}

function eachAccount(
  books: Evidence['books'],
  problemOf: (account: Books['accounts'][number], service: ServiceName) => string | undefined,
): string[] {
  return serviceNames.flatMap((service) =>
    books[service].accounts.flatMap((account) => {
      const problem = problemOf(account, service);
      return problem === undefined ? [] : [`${service} ${account.key}: ${problem}`];
    }),
  );
}
