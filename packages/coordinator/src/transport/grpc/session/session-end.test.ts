/** How a session ends in good order (N5). */
import { describe, expect, it } from '@jest/globals';
import { SessionPeer, aGet, aWait } from '../../../../test/support/session-peer';
import { DRAIN_LINGER_MS } from './session-stream';

const drains = (peer: SessionPeer): number => peer.messages.filter(({ drain }) => drain).length;

describe('N5: a peer that ends its side', () => {
  it('with nothing unanswered ends the stream', () => {
    const peer = new SessionPeer();
    peer.stream.halfClosed();
    expect(peer.story).toEqual(['end']);
    expect(peer.overs).toBe(1);
  });

  it('gets the answers that are outstanding first', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2));
    peer.stream.halfClosed();
    peer.held[0]?.done();
    await peer.settle();
    expect(peer.story).toEqual([]);
    peer.held[1]?.done();
    await peer.settle();
    expect(peer.story).toEqual(['end']);
    expect(peer.answers).toEqual([['1 waited'], ['2 waited']]);
  });

  it('and reads slowly gets them, too', async () => {
    const peer = new SessionPeer();
    peer.keepsUp = false;
    peer.send(aGet(1));
    await peer.settle();
    peer.send(aGet(2));
    peer.stream.halfClosed();
    await peer.settle();
    expect(peer.story).toEqual(['pause']);
    peer.stream.drained();
    await peer.settle();
    expect(peer.answers).toEqual([['1 got'], ['2 got']]);
    expect(peer.story).toEqual(['pause', 'resume', 'pause', 'end']);
  });
});

describe('N5: a draining stream', () => {
  it('says so once, and ends as soon as its peer has ended its side', async () => {
    const peer = new SessionPeer();
    peer.stream.drain();
    peer.stream.drain();
    expect(drains(peer)).toBe(1);
    peer.stream.halfClosed();
    expect(peer.story).toEqual(['end']);
    await peer.settle();
    expect(peer.time.pending).toBe(0);
  });

  it('ends by itself when nothing is unanswered for a while', async () => {
    const peer = new SessionPeer();
    peer.stream.drain();
    await peer.time.advance(DRAIN_LINGER_MS - 1);
    expect(peer.story).toEqual([]);
    await peer.time.advance(1);
    expect(peer.story).toEqual(['end']);
    expect(peer.time.pending).toBe(0);
  });

  it('serves what had left before its peer heard of it, and waits anew', async () => {
    const peer = new SessionPeer();
    peer.stream.drain();
    await peer.time.advance(DRAIN_LINGER_MS - 1);
    peer.send(aWait(1));
    await peer.time.advance(10 * DRAIN_LINGER_MS);
    expect(peer.story).toEqual([]);
    peer.held[0]?.done();
    await peer.time.advance(DRAIN_LINGER_MS - 1);
    expect(peer.answers).toEqual([['1 waited']]);
    expect(peer.story).toEqual([]);
    await peer.time.advance(1);
    expect(peer.story).toEqual(['end']);
  });

  it('answers what is under way before it ends, whoever ends it', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1));
    peer.stream.drain();
    peer.stream.halfClosed();
    await peer.time.advance(10 * DRAIN_LINGER_MS);
    expect(peer.story).toEqual([]);
    peer.held[0]?.done();
    await peer.settle();
    expect(peer.story).toEqual(['end']);
    expect(peer.time.pending).toBe(0);
  });

  it('does not wait for what was given up', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1));
    peer.stream.drain();
    peer.giveUp([1]);
    await peer.time.advance(DRAIN_LINGER_MS);
    expect(peer.story).toEqual(['end']);
  });

  it('that is cut leaves no timer behind', async () => {
    const peer = new SessionPeer();
    peer.stream.drain();
    expect(peer.time.pending).toBe(1);
    peer.stream.gone();
    expect(peer.time.pending).toBe(0);
    await peer.settle();
    expect(peer.story).toEqual([]);
  });
});
