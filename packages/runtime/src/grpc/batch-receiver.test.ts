import { describe, expect, it } from '@jest/globals';
import { BatchReceiver } from './batch-receiver';

function world(onItem: (item: number) => void = () => undefined): {
  receiver: BatchReceiver<number>;
  nextTurn: () => void;
  seen: number[];
  turns: number[];
} {
  let work: (() => void)[] = [];
  const seen: number[] = [];
  const turns: number[] = [];
  const receiver = new BatchReceiver<number>({
    scheduler: { soon: (each) => void work.push(each) },
    handle: (item) => {
      seen.push(item);
      onItem(item);
    },
    handled: () => void turns.push(seen.length),
  });
  const nextTurn = (): void => {
    const now = work;
    work = [];
    for (const each of now) each();
  };
  return { receiver, nextTurn, seen, turns };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('BatchReceiver', () => {
  it('R1: handles a small message at once', () => {
    const { receiver, seen, turns } = world();
    receiver.receive(upTo(16));
    expect(seen).toEqual(upTo(16));
    expect(turns).toEqual([16]);
    expect(receiver.backlog).toBe(0);
  });

  it('R1: spreads a large one over turns, and what comes meanwhile waits behind it', () => {
    const { receiver, nextTurn, seen, turns } = world();
    receiver.receive(upTo(40));
    expect(seen).toHaveLength(16);
    receiver.receive([40, 41]);
    expect(seen).toHaveLength(16);
    expect(receiver.backlog).toBe(26);
    nextTurn();
    nextTurn();
    nextTurn();
    expect(seen).toEqual(upTo(42));
    expect(turns).toEqual([16, 32, 42]);
    receiver.receive([42]);
    expect(seen).toHaveLength(43);
  });

  it('R1: takes a quarter of a very large one in a turn', () => {
    const { receiver, nextTurn, turns } = world();
    receiver.receive(upTo(200));
    for (let i = 0; i < 12; i++) nextTurn();
    expect(turns).toEqual([50, 88, 116, 137, 153, 169, 185, 200]);
  });

  it('R2: handles what waits when it is told to', () => {
    const { receiver, nextTurn, seen } = world();
    receiver.receive(upTo(100));
    receiver.flush();
    expect(seen).toEqual(upTo(100));
    nextTurn();
    expect(seen).toHaveLength(100);
  });

  it('R2: handles nothing after the close, not even the rest of the turn', () => {
    const made = world((item) => {
      if (item === 3) made.receiver.close();
    });
    made.receiver.receive(upTo(100));
    made.nextTurn();
    made.receiver.receive([1]);
    made.receiver.flush();
    expect(made.seen).toEqual([0, 1, 2, 3]);
  });

  it('R3: keeps nothing of what was handled, though there is always a backlog', () => {
    const { receiver, nextTurn, seen } = world();
    let most = 0;
    for (let turn = 0; turn < 2_000; turn++) {
      receiver.receive(upTo(40));
      nextTurn();
      most = Math.max(most, receiver.held);
    }
    expect(receiver.backlog).toBeGreaterThan(0);
    expect(most).toBeLessThan(2_000);
    expect(seen).toHaveLength(80_000 - receiver.backlog);
    receiver.flush();
    expect(seen.slice(-40)).toEqual(upTo(40));
  });
});
