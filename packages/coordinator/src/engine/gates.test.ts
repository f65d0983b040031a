import { describe, expect, it } from '@jest/globals';
import { grpcCode } from '@tercet/core';
import { type FakeEntry, GateWorld } from '../../test/support/gate-world';
import type { GateState } from './gate';

const phaseOf = (world: GateWorld, target = 'stock'): GateState['phase'] =>
  world.gates.state(target).phase;

/** Fails one call each of `branches` different branches, `times` in all. */
async function failInARow(world: GateWorld, times: number, branches: number): Promise<void> {
  const keys = Array.from({ length: branches }, () => ({}));
  for (let i = 0; i < times; i++) {
    await world.offer({ key: keys[i % branches] as object }).ends('DEADLINE_EXCEEDED');
  }
}

const ran = (entries: readonly FakeEntry[]): number =>
  entries.filter(({ runs }) => runs.length > 0).length;

describe('a gate that is up', () => {
  it('G1: runs as many as the limit allows, and the rest in the order they came', async () => {
    const world = new GateWorld({ concurrencyMax: 2 });
    const [a, b, c, d, e] = world.offerMany(5) as [
      FakeEntry,
      FakeEntry,
      FakeEntry,
      FakeEntry,
      FakeEntry,
    ];
    expect(world.left).toEqual([a, b]);
    expect(world.gates.state('stock')).toMatchObject({ phase: 'up', waiting: 3, running: 2 });
    await b.ends('OK');
    await a.ends('INTERNAL');
    expect(world.left).toEqual([a, b, c, d]);
    await c.ends('OK');
    expect(world.left).toEqual([a, b, c, d, e]);
    for (const entry of world.left) expect(entry.heldFor).toEqual([]);
  });

  it('lets an entry leave that waits, not one that runs', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    const [first, second, third] = world.offerMany(3) as [FakeEntry, FakeEntry, FakeEntry];
    expect(world.gates.withdraw(first)).toBe(false);
    expect(world.gates.withdraw(second)).toBe(true);
    expect(world.gates.withdraw(second)).toBe(false);
    expect(world.gates.waiting).toBe(1);
    await first.ends('OK');
    expect(world.left).toEqual([first, third]);
  });

  it('keeps the place of an entry that is offered twice, and takes it again once it ran', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    const [first, second, third] = world.offerMany(3) as [FakeEntry, FakeEntry, FakeEntry];
    world.gates.offer(second);
    expect(world.gates.waiting).toBe(2);
    await first.ends('OK');
    world.gates.offer(first);
    await second.ends('OK');
    await third.ends('OK');
    await first.ends('OK');
    expect(world.left).toEqual([first, second, third, first]);
  });

  it('gives the place of a call that broke its promise to the next', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    const broken = world.offer();
    world.gates.withdraw(broken);
    world.gates.offer({
      key: {},
      target: 'stock',
      run: () => Promise.reject(new Error('bug')),
      held: () => undefined,
    });
    const next = world.offer();
    await broken.ends('OK');
    expect(next.running).toBe(true);
    expect(world.logger.messages('error')).toEqual(['bug: a call broke its promise']);
  });
});

describe('a gate goes down', () => {
  it('G2: at once when nobody can be reached, however few failed', async () => {
    const world = new GateWorld();
    world.connections.set('stock', 'down');
    world.offer({ then: 'UNAVAILABLE' });
    await world.time.settle();
    expect(world.gates.state('stock')).toEqual({
      phase: 'down',
      since: 0,
      failure: { grpcCode: grpcCode.UNAVAILABLE, message: 'boom', peer: undefined },
      waiting: 0,
      running: 0,
    });
    expect(world.logger.lines).toMatchObject([
      { level: 'warn', fields: { target: 'stock', message: 'boom', connection: 'none' } },
    ]);
  });

  it.each(['ready', 'unknown'] as const)(
    'G2: not by one UNAVAILABLE where the connection is %s',
    async (state) => {
      const world = new GateWorld();
      world.connections.set('stock', state);
      world.offerMany(4, { then: 'UNAVAILABLE' });
      await world.time.settle();
      expect(phaseOf(world)).toBe('up');
    },
  );

  it('G2: not by a deadline alone, though nobody can be reached', async () => {
    const world = new GateWorld();
    world.connections.set('stock', 'down');
    world.offer({ then: 'DEADLINE_EXCEEDED' });
    await world.time.settle();
    expect(phaseOf(world)).toBe('up');
  });

  it('G3: after five failures in a row of two branches', async () => {
    const world = new GateWorld();
    await failInARow(world, 4, 2);
    expect(phaseOf(world)).toBe('up');
    await world.offer().ends('UNAVAILABLE');
    expect(phaseOf(world)).toBe('down');
  });

  it('G3: never by one branch, however often it fails', async () => {
    const world = new GateWorld();
    await failInARow(world, 50, 1);
    expect(phaseOf(world)).toBe('up');
  });

  it.each([
    'OK',
    'UNIMPLEMENTED',
    'INTERNAL',
    'FAILED_PRECONDITION',
    'RESOURCE_EXHAUSTED',
  ] as const)('G3: not while %s comes in between: that is an answer', async (answer) => {
    const world = new GateWorld();
    for (let i = 0; i < 5; i++) {
      await failInARow(world, 4, 2);
      await world.offer().ends(answer);
    }
    expect(phaseOf(world)).toBe('up');
  });

  it('G4: not by calls that began before it opened last', async () => {
    const world = new GateWorld();
    const hanging = world.offerMany(20);
    await failInARow(world, 5, 2);
    const probe = world.offer();
    await world.time.advance(10_000);
    await probe.ends('OK');
    expect(phaseOf(world)).toBe('up');
    for (const entry of hanging) await entry.ends('DEADLINE_EXCEEDED');
    expect(phaseOf(world)).toBe('up');
    await failInARow(world, 5, 2);
    expect(phaseOf(world)).toBe('down');
  });

  it('G3: by failures that are minutes apart, as those of branches in their backoff are', async () => {
    const world = new GateWorld();
    for (let i = 0; i < 5; i++) {
      await failInARow(world, 1, 1);
      await world.time.advance(119_000);
    }
    expect(phaseOf(world)).toBe('down');
  });
});

describe('a gate that is down', () => {
  it('G5: lets nothing leave but a probe every 10 s, each the next in line', async () => {
    const world = new GateWorld();
    await world.lose();
    const entries = world.offerMany(4, { then: 'UNAVAILABLE' });
    await world.time.advance(9_999);
    expect(ran(entries)).toBe(0);
    await world.time.advance(30_001);
    expect(entries.map(({ runs }) => runs)).toEqual([[10_000], [20_000], [30_000], [40_000]]);
    expect(phaseOf(world)).toBe('down');
  });

  it('G5: probes one at a time, and at once after one that took longer than 10 s', async () => {
    const world = new GateWorld();
    await world.lose();
    const [first, second] = world.offerMany(2) as [FakeEntry, FakeEntry];
    await world.time.advance(25_000);
    expect(first.running).toBe(true);
    expect(second.running).toBe(false);
    await first.ends('DEADLINE_EXCEEDED');
    expect(second.runs).toEqual([25_000]);
  });

  it('G5: passes the turn of an entry on that was not sent after all', async () => {
    const world = new GateWorld();
    await world.lose();
    const gone = world.offerMany(3, { then: 'unsent' });
    const sent = world.offer();
    await world.time.advance(10_000);
    expect(ran(gone)).toBe(3);
    expect(sent.runs).toEqual([10_000]);
    expect(phaseOf(world)).toBe('down');
  });

  it('G5: probes at once with the first who comes 10 s later', async () => {
    const world = new GateWorld();
    await world.lose();
    await world.time.advance(12_000);
    const late = world.offer();
    expect(late.runs).toEqual([12_000]);
    expect(late.heldFor).toEqual([]);
    const next = world.offer();
    await late.ends('UNAVAILABLE');
    await world.time.advance(10_000);
    expect(next.runs).toEqual([22_000]);
  });

  it('G5: a poison branch that is probed does not stand in the way of the next', async () => {
    const world = new GateWorld();
    await world.lose();
    world.connections.set('stock', 'ready');
    const poison = world.offer({ then: 'UNAVAILABLE' });
    const healthy = world.offer({ then: 'OK' });
    await world.time.advance(10_000);
    world.gates.offer(poison);
    await world.time.advance(10_000);
    expect(healthy.runs).toEqual([20_000]);
    expect(phaseOf(world)).not.toBe('down');
  });

  it('G5: has room for a probe however many calls hang, and keeps the limit', async () => {
    const world = new GateWorld({ concurrencyMax: 2 });
    world.offer();
    await failInARow(world, 5, 2);
    expect(world.gates.state('stock')).toMatchObject({ phase: 'down', running: 1 });
    const [first, second] = world.offerMany(2) as [FakeEntry, FakeEntry];
    await world.time.advance(60_000);
    expect(world.gates.state('stock')).toMatchObject({ waiting: 1, running: 2 });
    await first.ends('DEADLINE_EXCEEDED');
    expect(second.running).toBe(true);
  });

  it('G5: late failures of calls that ran when it went down postpone no probe', async () => {
    const world = new GateWorld();
    const hanging = world.offerMany(3);
    await world.lose();
    const probe = world.offer();
    for (const entry of hanging) {
      await world.time.advance(3_000);
      await entry.ends('DEADLINE_EXCEEDED');
    }
    await world.time.advance(1_000);
    expect(probe.runs).toEqual([10_000]);
  });

  it('G5: a wall clock that is put back delays a probe by 10 s at most', async () => {
    const world = new GateWorld();
    await world.lose();
    world.time.jump(-3_600_000);
    const [first, second] = world.offerMany(2, { then: 'UNAVAILABLE' });
    await world.time.advance(10_000);
    expect(first?.runs).toHaveLength(1);
    world.time.jump(-3_600_000);
    await world.time.advance(10_000);
    expect(second?.runs).toHaveLength(1);
  });

  it('G8: tells everybody who is held back, once, with what made it go down', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    world.connections.set('stock', 'down');
    const first = world.offer();
    const waiting = world.offer();
    await first.ends('UNAVAILABLE');
    const late = world.offer();
    await world.time.advance(1_000);
    const why = { grpcCode: grpcCode.UNAVAILABLE, message: 'boom', peer: undefined };
    expect(waiting.heldFor).toEqual([why]);
    expect(late.heldFor).toEqual([why]);
    expect(first.heldFor).toEqual([]);
  });

  it('G8: tells nobody who was taken back by somebody told before', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    world.connections.set('stock', 'down');
    const first = world.offer();
    const others: FakeEntry[] = [];
    world.gates.offer({
      key: {},
      target: 'stock',
      run: () => Promise.resolve(undefined),
      held: () => others.forEach((other) => world.gates.withdraw(other)),
    });
    others.push(world.offer());
    await first.ends('UNAVAILABLE');
    expect(others[0]?.heldFor).toEqual([]);
    expect(world.gates.waiting).toBe(1);
  });

  it('shows why the last probe failed, and since when', async () => {
    const world = new GateWorld();
    await world.lose();
    world.offer({ then: 'DEADLINE_EXCEEDED' });
    await world.time.advance(10_000);
    expect(world.gates.state('stock')).toMatchObject({
      since: 0,
      failure: { grpcCode: grpcCode.DEADLINE_EXCEEDED },
    });
  });
});

describe('a gate opens', () => {
  it.each(['OK', 'UNIMPLEMENTED'] as const)('G6: at a probe that got %s', async (ending) => {
    const world = new GateWorld();
    await world.lose();
    world.offer({ then: ending });
    await world.time.advance(10_000);
    expect(phaseOf(world)).toBe('up');
    expect(world.logger.lines.at(-1)).toMatchObject({
      level: 'info',
      fields: { target: 'stock', by: 'answer', downMs: 10_000, waiting: 0 },
    });
  });

  it('G6: at the answer of a call that ran when it went down', async () => {
    const world = new GateWorld();
    const slow = world.offer();
    await world.lose();
    await slow.ends('OK');
    expect(phaseOf(world)).toBe('up');
  });

  it('G6: when the connection becomes ready, and watches it no longer', async () => {
    const world = new GateWorld();
    await world.lose();
    const waiting = world.offerMany(10, { then: 'OK' });
    expect(world.connections.watchers('stock')).toBe(1);
    world.connections.ready('stock');
    expect(world.connections.watchers('stock')).toBe(0);
    await world.time.advance(5_000);
    expect(ran(waiting)).toBe(10);
    expect(phaseOf(world)).toBe('up');
  });

  it('G6: stops watching when an answer came first', async () => {
    const world = new GateWorld();
    await world.lose();
    world.offer({ then: 'OK' });
    await world.time.advance(10_000);
    expect(world.connections.watchers()).toBe(0);
  });

  it('G6: not by a second connection when the first brought no answer', async () => {
    const world = new GateWorld();
    await world.lose();
    world.connections.ready('stock');
    await world.lose();
    expect(world.connections.watchers('stock')).toBe(0);
    const probe = world.offer();
    await world.time.advance(10_000);
    await probe.ends('OK');
    expect(phaseOf(world)).toBe('up');
    await world.lose();
    expect(world.connections.watchers('stock')).toBe(1);
  });

  it('G7: lets those who wait go spread over 5 s, in order', async () => {
    const world = new GateWorld({ concurrencyMax: 1_000 });
    await world.lose();
    const waiting = world.offerMany(1_000, { then: 'OK' });
    world.connections.ready('stock');
    await world.time.advance(4_999);
    const times = waiting.map(({ runs }) => runs[0] ?? Number.NaN);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (let second = 0; second < 5; second++) {
      const inIt = times.filter((at) => Math.floor(at / 1_000) === second).length;
      expect(inIt).toBeGreaterThan(130);
      expect(inIt).toBeLessThan(270);
    }
  });

  it('G7: under the limit also then', async () => {
    const world = new GateWorld({ concurrencyMax: 3 });
    await world.lose();
    const waiting = world.offerMany(50);
    world.connections.ready('stock');
    await world.time.advance(5_000);
    expect(ran(waiting)).toBe(3);
    for (const entry of waiting) await entry.ends('OK');
    expect(ran(waiting)).toBe(50);
    expect(world.left.slice(1)).toEqual(waiting);
  });

  it('G7: who comes during the spread runs at once where there is room, else behind those who wait', async () => {
    const world = new GateWorld({ concurrencyMax: 3 });
    await world.lose();
    const waiting = world.offerMany(20);
    world.connections.ready('stock');
    const newcomers = world.offerMany(10);
    const atOnce = ran(newcomers);
    expect(ran(waiting) + atOnce).toBe(3);
    expect(atOnce).toBeGreaterThan(0);
    await world.time.advance(5_000);
    for (const entry of [...waiting, ...newcomers, ...waiting, ...newcomers]) {
      if (entry.running) await entry.ends('OK');
    }
    expect(ran([...waiting, ...newcomers])).toBe(30);
    expect(world.left.slice(-(10 - atOnce))).toEqual(newcomers.slice(atOnce));
  });

  it('G7: who comes during the spread and finds no room, makes one of those who wait go before its time', async () => {
    const world = new GateWorld({ concurrencyMax: 1, seed: 3 });
    await world.lose();
    const held = world.offer();
    world.connections.ready('stock');
    expect(held.running).toBe(false);
    const newcomer = world.offer();
    world.offer();
    await newcomer.ends('OK');
    expect(held.runs).toEqual([0]);
  });

  it('G7: may go down again during the spread; those who still wait are held, and told only once', async () => {
    const world = new GateWorld();
    await world.lose();
    const waiting = world.offerMany(200, { then: 'UNAVAILABLE' });
    world.connections.ready('stock');
    await world.time.advance(1_000);
    expect(phaseOf(world)).toBe('down');
    expect(ran(waiting)).toBeLessThan(50);
    const before = ran(waiting);
    await world.time.advance(9_000);
    expect(ran(waiting) - before).toBeLessThanOrEqual(1);
    expect(waiting.every(({ heldFor }) => heldFor.length === 1)).toBe(true);
  });
});

describe('what is kept', () => {
  it('G9: nothing of a target that answered', async () => {
    const world = new GateWorld();
    const entries = world.offerMany(3);
    for (const entry of entries) await entry.ends('OK');
    expect(world.gates.size).toBe(0);
    expect(world.time.pending).toBe(0);
  });

  it('G9: what speaks against a target, for two minutes without work', async () => {
    const world = new GateWorld();
    await failInARow(world, 1, 1);
    await world.lose('delivery');
    expect(world.gates.size).toBe(2);
    await world.time.advance(120_000);
    expect(world.gates.size).toBe(0);
    expect(world.time.pending).toBe(0);
    expect(world.connections.watchers()).toBe(0);
  });

  it('G9: a down target as long as somebody waits for it', async () => {
    const world = new GateWorld();
    await world.lose();
    const hanging = world.offer();
    await world.time.advance(300_000);
    expect(phaseOf(world)).toBe('down');
    await hanging.ends('OK');
    expect(world.gates.size).toBe(0);
  });

  it('G9: one timer for 100,000 who wait', async () => {
    const world = new GateWorld();
    await world.lose();
    const waiting = world.offerMany(100_000, { then: 'OK' });
    expect(world.time.pending).toBe(1);
    world.connections.ready('stock');
    expect(world.time.pending).toBeLessThanOrEqual(1);
    for (const entry of waiting.slice(0, 50_000)) world.gates.withdraw(entry);
    await world.time.advance(5_000);
    expect(world.gates.waiting).toBe(0);
    expect(world.time.pending).toBe(0);
  });

  it('G9: nothing when those who waited were taken back', async () => {
    const world = new GateWorld();
    await world.lose();
    const waiting = world.offerMany(3);
    for (const entry of waiting) world.gates.withdraw(entry);
    expect(world.gates.waiting).toBe(0);
    await world.time.advance(120_000);
    expect(world.gates.size).toBe(0);
    expect(ran(waiting)).toBe(0);
  });

  it('leaves no timer and no watcher when closed, and runs nothing any more', async () => {
    const world = new GateWorld({ concurrencyMax: 1 });
    const running = world.offer();
    const waiting = world.offer();
    await world.lose('delivery');
    const held = world.offer({ target: 'delivery' });
    world.gates.close();
    world.gates.close();
    world.connections.set('stock', 'down');
    await running.ends('UNAVAILABLE');
    const late = world.offer();
    await world.time.advance(60_000);
    expect(ran([waiting, held, late])).toBe(0);
    expect(world.gates.waiting).toBe(0);
    expect(world.time.pending).toBe(0);
    expect(world.connections.watchers()).toBe(0);
  });
});

describe('targets', () => {
  it('that hang or are down slow nobody else', async () => {
    const world = new GateWorld({ concurrencyMax: 2 });
    world.offerMany(10, { target: 'hanging' });
    await world.lose('dead');
    world.offerMany(10, { target: 'dead' });
    const others = world.offerMany(2, { target: 'healthy' });
    expect(others.every(({ running }) => running)).toBe(true);
    expect(world.gates.waiting).toBe(18);
  });
});
