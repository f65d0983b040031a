/**
 * Streams that break at every point of a command's way: between initiator and coordinator, initiator and participant,
 * coordinator and participant. All real, over sockets that are reset or closed. Whatever breaks, the store holds what
 * `run` said, a decision is made once, and each effect happens once.
 */
import { describe, expect, it } from '@jest/globals';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
// eslint-disable-next-line import-x/no-relative-packages -- bounded waiting, as the coordinator's own tests do it
import { eventually } from '../../packages/coordinator/test/support/eventually';
import { type Fate, type RunSpec, type Site, aSite } from '../support/breaking-site';
import { Gate } from '../support/race/gate';

const gid = 'order-1';
const breaks = ['reset', 'closed'] as const;

/** What must become of a run that nothing went wrong with, by how its callback ended. */
const ends = {
  commit: {
    told: 'confirmed',
    stored: 'confirmed',
    decisions: ['confirm'],
    effects: 'reserved, confirmed',
  },
  rollback: {
    told: 'cancelled: ChangedMind',
    stored: 'cancelled',
    decisions: ['cancel'],
    effects: 'reserved, returned',
  },
} as const;

async function runOne(site: Site, spec: RunSpec = {}): Promise<Fate> {
  await site.run(gid, spec);
  const fate = await site.fateOf(gid);
  expect(await site.unfinished()).toEqual([]);
  return fate;
}

/** Breaks while the write of such an operation is under way; it ends at once, or when the command came again. */
function breakInWrite(
  { store, toCoordinator }: Site,
  kind: 'open' | 'decide',
  until: 'at once' | 'repeated',
): void {
  const gate = new Gate();
  store.hold(kind, gate);
  void gate.reached.then(async () => {
    const repeated = toCoordinator.next('up');
    toCoordinator.breakNow();
    if (until === 'repeated') await repeated;
    gate.open();
  });
}

/** Where a command of the session may be when its stream breaks. */
const points = {
  'before it has left': (site: Site) => site.toCoordinator.breakAt('up', 0),
  'when half of it has left': (site: Site) => site.toCoordinator.breakAt('up', 0.5),
  'before it is durable': (site: Site, kind: 'open' | 'decide') =>
    breakInWrite(site, kind, 'at once'),
  'before it is durable, and comes again before it is': (site: Site, kind: 'open' | 'decide') =>
    breakInWrite(site, kind, 'repeated'),
  'when it is durable, before its answer': (site: Site) => site.toCoordinator.breakAt('down', 0),
  'within its answer': (site: Site) => site.toCoordinator.breakAt('down', 0.5),
} as const;
const pointNames = Object.keys(points) as (keyof typeof points)[];

describe.each(breaks)('a session whose connection is %s', (how) => {
  it.each(pointNames)('%s: a registration has its effect once', async (point) => {
    const site = await aSite({ how });
    await site.warmUp();
    points[point](site, 'open');
    const fate = await runOne(site, { two: true });
    expect(fate).toMatchObject(ends.commit);
    expect([...fate.calls].sort()).toEqual(['confirm 1', 'confirm 2', 'try 1', 'try 2']);
    expect(site.toCoordinator.breaks).toBe(1);
  });

  describe.each(['commit', 'rollback'] as const)('%s', (kind) => {
    const spec = (then: () => void): RunSpec => ({ then, changedMind: kind === 'rollback' });
    const phase = kind === 'commit' ? 'confirm' : 'cancel';

    it.each(pointNames)('%s: it is decided once, and as told', async (point) => {
      const site = await aSite({ how });
      await site.warmUp();
      const fate = await runOne(
        site,
        spec(() => points[point](site, 'decide')),
      );
      expect(fate).toMatchObject({ ...ends[kind], calls: ['try 1', `${phase} 1`] });
      expect(site.toCoordinator.breaks).toBe(1);
    });

    it('while its answer waits for phase two: it is decided once, and as told', async () => {
      const site = await aSite({ how });
      await site.warmUp();
      site.books.before.set(`${phase} 1`, () => site.toCoordinator.breakNow());
      const fate = await runOne(
        site,
        spec(() => undefined),
      );
      expect(fate).toMatchObject({ ...ends[kind], calls: ['try 1', `${phase} 1`] });
      expect(site.toCoordinator.breaks).toBe(1);
    });
  });
});

/** Where a command of Deliver may be when its stream breaks, and how often its handler was entered by then. */
const places = {
  'before it has left': { entered: 0, at: (site: Site) => site.toBooks.breakAt('up', 0) },
  'when half of it has left': { entered: 0, at: (site: Site) => site.toBooks.breakAt('up', 0.5) },
  'before its effect': {
    entered: 1,
    at: ({ books, toBooks }: Site, call: string) =>
      books.before.set(call, () => breakOnce(books.before, call, () => toBooks.breakNow())),
  },
  'after its effect': {
    entered: 1,
    at: ({ books, toBooks }: Site, call: string) =>
      books.after.set(call, () => breakOnce(books.after, call, () => toBooks.breakNow())),
  },
  'before its outcome': { entered: 1, at: (site: Site) => site.toBooks.breakAt('down', 0) },
  'within its outcome': { entered: 1, at: (site: Site) => site.toBooks.breakAt('down', 0.5) },
} as const;
const placeNames = Object.keys(places) as (keyof typeof places)[];

function breakOnce(steps: Map<string, unknown>, call: string, breakNow: () => void): void {
  steps.delete(call);
  breakNow();
}

describe.each(breaks)('a Deliver stream of the coordinator whose connection is %s', (how) => {
  describe.each(['commit', 'rollback'] as const)('%s', (kind) => {
    const call = kind === 'commit' ? 'confirm 1' : 'cancel 1';

    it.each(placeNames)('%s: the call comes again, has one effect, is executed', async (place) => {
      const site = await aSite({ how });
      await site.warmUp();
      const { entered, at } = places[place];
      const fate = await runOne(site, {
        then: () => at(site, call),
        changedMind: kind === 'rollback',
      });
      expect(fate).toMatchObject(ends[kind]);
      expect(fate.calls).toEqual(['try 1', ...Array.from({ length: entered }, () => call), call]);
      expect(fate.attempts).toEqual(entered === 0 ? [1, 2] : [1, 1, 2]);
      expect(site.toBooks.breaks).toBeGreaterThan(0);
    });
  });

  it('within its Hello: nothing was sent, so nothing comes twice', async () => {
    const site = await aSite({ how });
    const fate = await runOne(site, { then: () => site.toBooks.breakAt('down', 0.5) });
    expect(fate).toMatchObject({ ...ends.commit, calls: ['try 1', 'confirm 1'], attempts: [1, 1] });
    expect(site.toBooks.breaks).toBe(1);
  });
});

describe.each(breaks)('a Deliver stream of an initiator whose connection is %s', (how) => {
  it.each(placeNames)('%s: with a barrier the Try is sent again', async (place) => {
    const site = await aSite({ how, barrier: true });
    await site.warmUp();
    const { entered, at } = places[place];
    at(site, 'try 1');
    const fate = await runOne(site);
    expect(fate).toMatchObject(ends.commit);
    const tries = Array.from({ length: entered + 1 }, () => 'try 1');
    expect(fate.calls).toEqual([...tries, 'confirm 1']);
    expect(new Set(fate.attempts)).toEqual(new Set([1]));
    expect(site.toBooks.breaks).toBeGreaterThan(0);
  });

  it.each(placeNames)('%s: without one it is not, and its run is cancelled', async (place) => {
    const site = await aSite({ how });
    await site.warmUp();
    const { entered, at } = places[place];
    at(site, 'try 1');
    const fate = await runOne(site);
    expect(fate).toMatchObject({
      told: 'cancelled: TryUnknownError',
      stored: 'cancelled',
      decisions: ['cancel'],
      effects: entered === 0 ? 'nothing' : 'reserved, returned',
    });
    expect(fate.calls.filter((call) => call === 'try 1')).toHaveLength(entered);
    expect(fate.calls.filter((call) => call.startsWith('confirm'))).toEqual([]);
    expect(site.toBooks.breaks).toBeGreaterThan(0);
  });

  it.each([true, false])('within its Hello: nothing is lost (barrier: %p)', async (barrier) => {
    const site = await aSite({ how, barrier });
    site.toBooks.breakAt('down', 0.5);
    const fate = await runOne(site);
    expect(fate).toMatchObject({ ...ends.commit, calls: ['try 1', 'confirm 1'], attempts: [1, 1] });
    expect(site.toBooks.breaks).toBe(1);
  });
});

describe('a session whose connection is slow', () => {
  it.each(['up', 'down'] as const)(
    '%s: a decision that was given up and sent again meanwhile is made once',
    async (direction) => {
      const initiatorTime = new ManualTime();
      const site = await aSite({ initiatorTime });
      await site.warmUp();
      const { toCoordinator } = site;
      const arrival = new Gate();
      let again: Promise<void> | undefined;
      const late = async (): Promise<void> => {
        toCoordinator.delay(direction, arrival.opened);
        await toCoordinator.next(direction);
        again = toCoordinator.next('up');
        // An attempt has 5 s, by the initiator's clock; in either direction the stream stands still meanwhile.
        const over = initiatorTime.now() + 10_000;
        site.pace = 20;
        await eventually(() => expect(initiatorTime.now()).toBeGreaterThan(over), 10_000);
        site.pace = 1;
        arrival.open();
      };
      const fate = await runOne(site, { then: () => void late(), phaseTwoWaitMs: 0 });
      expect(fate).toMatchObject({ ...ends.commit, calls: ['try 1', 'confirm 1'] });
      await again;
      expect(toCoordinator.breaks).toBe(0);
    },
  );
});

describe('every connection', () => {
  it.each([1, 2])(
    'breaks at any place of any message: each run ends as told, each effect is there once (seed %i)',
    async (seed) => {
      const site = await aSite({ seed, time: new ManualTime() });
      const random = new SeededRandom(seed);
      const paths = [site.toCoordinator, site.toBooks];
      for (const path of paths) {
        path.fate = () => (path.breaks < 15 && random.unit() < 0.1 ? random.unit() : undefined);
      }
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < 90) {
          const n = next++;
          await site.run(`order-${n}`, { changedMind: n % 3 === 2, phaseTwoWaitMs: 0 });
        }
      };
      await Promise.all(Array.from({ length: 10 }, worker));
      // Gates that went down probe after 10 s, and spread over 5 s who waited: by the coordinator's clock.
      site.pace = 20;
      await eventually(async () => expect(await site.unfinished()).toEqual([]), 30_000);
      for (let n = 0; n < 90; n++) checkEnd(await site.fateOf(`order-${n}`), n % 3 === 2);
      for (const { breaks } of paths) expect(breaks).toBeGreaterThan(5);
    },
    60_000,
  );

  it('brings a few bytes at a time: nothing is taken for lost', async () => {
    const site = await aSite({ pieceBytes: 7 });
    await site.warmUp();
    const gids = Array.from({ length: 20 }, (_, n) => `order-${n}`);
    await Promise.all(gids.map((each) => site.run(each)));
    for (const each of gids) {
      const fate = await site.fateOf(each);
      expect(fate).toMatchObject({ ...ends.commit, calls: ['try 1', 'confirm 1'] });
    }
    expect(site.books.called).toHaveLength(2);
  });
});

/** Whatever was lost on the way, everybody says the same. Only a Try that was lost cancels against the callback's will. */
function checkEnd(fate: Fate, changedMind: boolean): void {
  const { told, stored, decisions, effects, calls } = fate;
  if (stored === 'confirmed') {
    expect(fate).toMatchObject(ends.commit);
    expect(changedMind).toBe(false);
    expect(calls).not.toContain('cancel 1');
    return;
  }
  const causes = ['cancelled: TryUnknownError', ...(changedMind ? [ends.rollback.told] : [])];
  expect(causes).toContain(told);
  expect([stored, decisions]).toEqual(['cancelled', ['cancel']]);
  expect(['reserved, returned', 'nothing']).toContain(effects);
  expect(calls).not.toContain('confirm 1');
}
