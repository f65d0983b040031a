import { describe, expect, it } from '@jest/globals';
import { TercetError, grpcCode } from '@tercet/core';
import { SessionPeer, aGet, aWait } from '../../../../test/support/session-peer';

describe('a session', () => {
  it('says hello before anything else', () => {
    const peer = new SessionPeer();
    const hello = { protocolVersion: 1, outstandingMax: 16_384 };
    expect(peer.messages).toEqual([{ hello, answers: [], drain: false }]);
  });

  it('N1: answers everything that is ready in one turn with one message', async () => {
    const peer = new SessionPeer();
    peer.send(aGet(1), aGet(2));
    peer.send(aGet(3));
    expect(peer.answers).toEqual([]);
    await peer.settle();
    peer.send(aGet(4));
    await peer.settle();
    expect(peer.answers).toEqual([['1 got', '2 got', '3 got'], ['4 got']]);
  });

  it('N1: lets no command wait for another', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2), aGet(3));
    await peer.settle();
    peer.held[1]?.done();
    await peer.settle();
    peer.held[0]?.done();
    await peer.settle();
    expect(peer.answers).toEqual([['3 got'], ['2 waited'], ['1 waited']]);
  });

  it('tells the command when its caller stops waiting, by the own clock', () => {
    const peer = new SessionPeer();
    const now = peer.time.now();
    peer.send(aWait(1, { deadlineMs: 1_500 }), aWait(2));
    expect(peer.held.map(({ call }) => call.expiresAt)).toEqual([now + 1_500, undefined]);
    expect(peer.time.pending).toBe(0);
  });

  it('answers an error for its command alone, and reports what nobody expected', async () => {
    const peer = new SessionPeer();
    const bug = new Error('secret');
    peer.send(aWait(1), aWait(2), aGet(3));
    peer.held[0]?.fail(new TercetError('TRANSACTION_NOT_FOUND', { details: { gid: 'g' } }));
    peer.held[1]?.fail(bug);
    await peer.settle();
    expect(peer.answerOf(1).answer).toEqual({
      $case: 'failure',
      value: {
        grpcCode: grpcCode.NOT_FOUND,
        message: 'No such transaction is kept.',
        info: expect.objectContaining({ code: 'TRANSACTION_NOT_FOUND', details: { gid: 'g' } }),
      },
    });
    expect(peer.answerOf(2).answer).toMatchObject({
      value: { grpcCode: grpcCode.INTERNAL, info: { details: { error_id: 'e1' } } },
    });
    expect(JSON.stringify(peer.messages)).not.toContain('secret');
    expect(peer.reported).toEqual([bug]);
    expect(peer.answerOf(3).answer?.$case).toBe('got');
  });

  it('answers a command that it does not know with NOT_BUILT_YET, and goes on', async () => {
    const peer = new SessionPeer();
    peer.send({ id: 1, deadlineMs: 0 }, aGet(2));
    await peer.settle();
    expect(peer.answerOf(1).answer).toMatchObject({
      value: {
        grpcCode: grpcCode.UNIMPLEMENTED,
        message:
          'command: it is unset, or one that this coordinator does not know; it knows register, commit, rollback, get and wait',
        info: { code: 'NOT_BUILT_YET', details: { field: 'command' } },
      },
    });
    expect(peer.answerOf(2).answer?.$case).toBe('got');
  });

  it('counts each command as work under way until it is carried out', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2));
    peer.held[0]?.done();
    expect(await peer.idle()).toBe(false);
    peer.held[1]?.fail(new Error('x'));
    expect(await peer.idle()).toBe(true);
  });
});

describe('a command that is given up', () => {
  it('N2: is told so, and not answered', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2));
    peer.giveUp([1, 99]);
    expect(peer.held.map(({ call }) => call.signal.aborted)).toEqual([true, false]);
    for (const each of peer.held) each.done();
    await peer.settle();
    expect(peer.answers).toEqual([['2 waited']]);
    expect(peer.stream.outstanding).toBe(0);
  });

  it('N2: is not answered even where its answer was ready', async () => {
    const peer = new SessionPeer();
    peer.keepsUp = false;
    peer.send(aGet(1));
    await peer.settle();
    peer.send(aGet(2), aGet(3));
    await peer.settle();
    peer.giveUp([2]);
    peer.stream.drained();
    await peer.settle();
    expect(peer.answers).toEqual([['1 got'], ['3 got']]);
  });

  it('N2: leaves its id for another one, and its own answer stays away from it', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1));
    peer.giveUp([1], aWait(1));
    peer.held[0]?.done();
    await peer.settle();
    expect(peer.answers).toEqual([]);
    expect(peer.stream.outstanding).toBe(1);
    peer.held[1]?.done();
    await peer.settle();
    expect(peer.answers).toEqual([['1 waited']]);
    expect(peer.failure).toBeUndefined();
  });
});

describe('an id that stands for two unanswered commands', () => {
  it('N2: ends the stream: no answer can be taken for the other one’s', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(7), aGet(8), aGet(7), aGet(9));
    expect(peer.failure?.code).toBe('INVALID_ARGUMENT');
    expect(peer.failure?.message).toBe(
      'commands[].id: 7 belongs to a command that is not answered yet; give each command of a stream its own id',
    );
    peer.held[0]?.done();
    peer.send(aGet(10));
    await peer.settle();
    expect(peer.answers).toEqual([]);
    expect(peer.story).toEqual(['fail']);
    expect(peer.overs).toBe(1);
    expect(await peer.idle()).toBe(true);
  });

  it('N4: aborts the signals of the others, which go on', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2));
    peer.send(aWait(1));
    expect(peer.held.map(({ call }) => call.signal.aborted)).toEqual([true, true]);
    expect(await peer.idle()).toBe(false);
  });

  it('N2: counts as such while the first answer is ready but was not written', async () => {
    const peer = new SessionPeer();
    peer.keepsUp = false;
    peer.send(aGet(1));
    await peer.settle();
    peer.send(aGet(2));
    await peer.settle();
    peer.send(aGet(1));
    expect(peer.failure).toBeUndefined();
    peer.send(aGet(2));
    expect(peer.failure?.details).toEqual({ field: 'id', id: '2' });
  });

  it('may stand for one after the other', async () => {
    const peer = new SessionPeer();
    for (let i = 0; i < 3; i++) {
      peer.send(aGet(0));
      await peer.settle();
    }
    expect(peer.answers).toEqual([['0 got'], ['0 got'], ['0 got']]);
  });
});

describe('too many unanswered commands', () => {
  it('N3: are refused one by one, the others served', async () => {
    const peer = new SessionPeer({ outstandingMax: 2 });
    expect(peer.messages[0]?.hello?.outstandingMax).toBe(2);
    peer.send(aWait(1), aWait(2), aWait(3), aWait(4));
    await peer.settle();
    expect(peer.held).toHaveLength(2);
    expect(peer.answers).toEqual([['3 failure', '4 failure']]);
    expect(peer.answerOf(3).answer).toMatchObject({
      value: {
        grpcCode: grpcCode.RESOURCE_EXHAUSTED,
        message:
          'at most 2 unanswered commands on one stream; wait for answers, or open another stream',
        info: { code: 'LIMIT_EXCEEDED', retryable: true, details: { limit: 'outstanding' } },
      },
    });
    peer.held[0]?.done();
    await peer.settle();
    peer.send(aWait(3));
    expect(peer.held).toHaveLength(3);
  });

  it('N3: are those whose answers were not written, too', async () => {
    const peer = new SessionPeer({ outstandingMax: 3 });
    peer.keepsUp = false;
    peer.send(aGet(1));
    await peer.settle();
    peer.send(aGet(2), aGet(3), aGet(4), aGet(5));
    await peer.settle();
    peer.keepsUp = true;
    peer.stream.drained();
    await peer.settle();
    expect(peer.answers).toEqual([['1 got'], ['5 failure', '2 got', '3 got', '4 got']]);
  });

  it('N3: what is given up makes room for the commands of the same message', () => {
    const peer = new SessionPeer({ outstandingMax: 2 });
    peer.send(aWait(1), aWait(2));
    peer.giveUp([2], aWait(3));
    expect(peer.held).toHaveLength(3);
    expect(peer.stream.outstanding).toBe(2);
  });
});

describe('a peer that does not read', () => {
  it('N3: is not read from until it does, and gets what became ready meanwhile together', async () => {
    const peer = new SessionPeer();
    peer.keepsUp = false;
    peer.send(aGet(1), aWait(2), aWait(3));
    await peer.settle();
    expect(peer.story).toEqual(['pause']);
    for (const each of peer.held) each.done();
    await peer.settle();
    expect(peer.answers).toEqual([['1 got']]);
    expect(peer.stream.outstanding).toBe(2);
    peer.keepsUp = true;
    peer.stream.drained();
    await peer.settle();
    expect(peer.answers).toEqual([['1 got'], ['2 waited', '3 waited']]);
    expect(peer.story).toEqual(['pause', 'resume']);
  });
});

describe('a stream that is cut', () => {
  it('N4: aborts the signals of its commands and writes nothing any more', async () => {
    const peer = new SessionPeer();
    peer.send(aWait(1), aWait(2), aGet(3));
    peer.stream.gone();
    peer.stream.gone();
    expect(peer.held.map(({ call }) => call.signal.aborted)).toEqual([true, true]);
    for (const each of peer.held) each.done();
    peer.send(aWait(4));
    peer.stream.drained();
    peer.stream.drain();
    await peer.settle();
    expect(peer.answers).toEqual([]);
    expect(peer.held).toHaveLength(2);
    expect(peer.story).toEqual([]);
    expect(peer.overs).toBe(1);
    expect(peer.stream.outstanding).toBe(0);
    expect(await peer.idle()).toBe(true);
    expect(peer.time.pending).toBe(0);
  });
});
