import { describe, expect, it } from '@jest/globals';
import { BatchSender } from './batch-sender';

class Turns {
  private work: (() => void)[] = [];
  soon(work: () => void): void {
    this.work.push(work);
  }
  /** Ends this turn of the event loop. */
  next(): void {
    for (const each of this.work.splice(0)) each();
  }
}

function senderOf(bytesMax: number): {
  sender: BatchSender<number>;
  turns: Turns;
  messages: (readonly number[])[];
  peer: { keepsUp: boolean };
} {
  const turns = new Turns();
  const messages: (readonly number[])[] = [];
  const peer = { keepsUp: true };
  const sender = new BatchSender<number>({
    scheduler: turns,
    write: (items) => {
      messages.push(items);
      return peer.keepsUp;
    },
    sizeOf: (item) => item,
    bytesMax,
  });
  return { sender, turns, messages, peer };
}

describe('BatchSender', () => {
  it('S1: sends what is pushed in one turn as one message, in its order, and not before the turn is over', () => {
    const { sender, turns, messages } = senderOf(100);
    sender.push(1);
    sender.push(2);
    expect(messages).toEqual([]);
    turns.next();
    sender.push(3);
    turns.next();
    turns.next();
    expect(messages).toEqual([[1, 2], [3]]);
  });

  it('S2: splits where a message would be too large; a larger item travels alone', () => {
    const { sender, turns, messages } = senderOf(10);
    for (const item of [4, 6, 1, 25, 9, 1, 1]) sender.push(item);
    turns.next();
    expect(messages).toEqual([[4, 6], [1], [25], [9, 1], [1]]);
  });

  it('S3: waits while the peer does not keep up, then sends what came meanwhile together', () => {
    const { sender, turns, messages, peer } = senderOf(10);
    peer.keepsUp = false;
    sender.push(1);
    turns.next();
    sender.push(2);
    sender.push(3);
    turns.next();
    expect(messages).toEqual([[1]]);
    expect(sender.backlog).toBe(2);
    peer.keepsUp = true;
    sender.drained();
    turns.next();
    expect(messages).toEqual([[1], [2, 3]]);
    expect(sender.backlog).toBe(0);
  });

  it('S4: an item that is taken back in time never leaves, and nothing leaves after the close', () => {
    const { sender, turns, messages } = senderOf(10);
    sender.push(1);
    sender.push(2);
    expect(sender.takeBack(1)).toBe(true);
    turns.next();
    expect(sender.takeBack(2)).toBe(false);
    sender.push(3);
    sender.close();
    sender.push(4);
    turns.next();
    sender.drained();
    expect(messages).toEqual([[2]]);
  });
});
