import { describe, expect, it } from '@jest/globals';
import { Metadata, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type { DeliverOutcome } from '@tercet/proto';
import { ParticipantChannels } from '@tercet/runtime';
import {
  type CallOver,
  Caller,
  NameServer,
  ScriptedParticipant,
  aRequest,
  anOutcome,
  methods,
  turns,
  until,
} from '../../../test/support/deliver-world';

type Done = sendUnaryData<Buffer>;

/** A participant without Deliver. */
function plain(onUnary?: (call: ServerUnaryCall<Buffer, Buffer>, done: Done) => void) {
  const participant = new ScriptedParticipant(undefined, onUnary);
  // `undefined` alone would take the default.
  participant.onStream = undefined;
  return participant;
}

describe('both transports', () => {
  const details = Buffer.from('{"sku":"tea"}');

  it.each([
    // The message that grpc-js itself sends with OK.
    ['OK', { message: 'OK' }],
    ['a reject', { grpcCode: 9, message: 'sold out', verdict: 'reject', rejectDetails: details }],
    ['a retry', { grpcCode: 9, message: 'later', verdict: 'retry', retryAfterMs: 250 }],
    ['nested branches', { message: 'OK', nestedBranchIds: ['1.1', '1.2'] }],
    ['an error', { grpcCode: status.NOT_FOUND, message: 'no such thing' }],
  ] as [string, Partial<DeliverOutcome>][])('tell the same of %s', async (_name, over) => {
    const outcome = { ...anOutcome(0), reply: Buffer.from('r'), ...over };
    const participant = await new ScriptedParticipant(undefined, (_call, done) => {
      const trailers = new Metadata();
      if (outcome.verdict !== '') trailers.set('tercet-verdict', outcome.verdict);
      if (outcome.retryAfterMs !== undefined) {
        trailers.set('tercet-retry-after-ms', String(outcome.retryAfterMs));
      }
      if (outcome.rejectDetails !== undefined) {
        trailers.set('tercet-reject-details-bin', outcome.rejectDetails);
      }
      if (outcome.nestedBranchIds.length > 0) {
        trailers.set('tercet-branches', outcome.nestedBranchIds.join(','));
      }
      if (outcome.grpcCode === 0) done(null, outcome.reply, trailers);
      else done({ code: outcome.grpcCode, details: outcome.message, metadata: trailers });
    }).start();
    const caller = new Caller();
    const streamed = caller.call(participant.target);
    await until(() => participant.commands.length === 1);
    const { id } = participant.stream.command;
    participant.stream.say({ outcomes: [{ ...outcome, id }] });
    const unary = await caller.call(participant.target, { transport: 'unary' });
    expect(participant.unary).toHaveLength(1);
    expect(await streamed).toEqual(unary);
  });

  it('carry the same', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    const trace = { traceparent: '00-a-b-01', tracestate: 'x=y' };
    const { context } = aRequest('', { phase: 'cancel' });
    if (context === undefined) throw new Error('every request has one');
    const over: CallOver = {
      phase: 'cancel',
      metadata: { 'x-tenant': 'blue' },
      context: { ...context, trace },
    };
    void caller.call(participant.target, over);
    await caller.call(participant.target, { ...over, transport: 'unary' });
    expect(participant.unary[0]?.metadata).toMatchObject({
      'tercet-gid': 'order-1',
      'tercet-run-id': 'ab'.repeat(16),
      'tercet-branch-id': '1',
      'tercet-action': 'reserve',
      'tercet-phase': 'cancel',
      'tercet-attempt': '1',
      'tercet-not-after': '1800000000000',
      traceparent: '00-a-b-01',
      tracestate: 'x=y',
      'x-tenant': 'blue',
    });
    await until(() => participant.commands.length === 1);
    expect(participant.stream.command).toMatchObject({ traceContext: trace });
  });
});

describe('A1: a call is unary', () => {
  it.each([
    ['where all are to be', { deliver: 'unary' }, {}],
    ['where it is to be', {}, { transport: 'unary' }],
    ['where its context is not known', {}, { context: undefined }],
    ['where it is too large for a message of a stream', {}, { payload: Buffer.alloc(300_000) }],
  ] as const)('%s', async (_name, options, over) => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller(options);
    expect(await caller.call(participant.target, over)).toMatchObject({ code: status.OK });
    expect(participant.unary).toHaveLength(1);
    expect(participant.streams).toEqual([]);
  });

  it('where its target is no address, and then says so', async () => {
    const caller = new Caller();
    expect((await caller.call('no scheme knows:///this')).code).toBe(status.UNAVAILABLE);
  });

  it('and never rejects, not even where gRPC does not take its metadata', async () => {
    const caller = new Caller();
    const over = { transport: 'unary', metadata: { 'no key': 'x' } } as const;
    expect(await caller.call('127.0.0.1:1', over)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      sent: false,
    });
  });
});

describe('A3: a participant without Deliver', () => {
  it('is asked once, and then for ten minutes no more', async () => {
    const participant = await plain().start();
    const caller = new Caller();
    for (let n = 0; n < 5; n++) await caller.call(participant.target);
    participant.kill();
    expect(participant.unary).toHaveLength(5);
    expect(caller.time.pending).toBe(0);
  });

  it.each([status.UNIMPLEMENTED, status.PERMISSION_DENIED, status.UNAUTHENTICATED])(
    'may say so with code %i',
    async (code) => {
      const participant = await new ScriptedParticipant((stream) => stream.fail(code)).start();
      const caller = new Caller();
      for (let n = 0; n < 3; n++) {
        await caller.call(participant.target);
        await caller.time.advance(10_000);
      }
      expect(participant.streams).toHaveLength(1);
      expect(participant.unary).toHaveLength(3);
    },
  );

  it.each([
    ['speaks another version', { protocolVersion: 2 }],
    ['gives no credit', { maxInFlightTry: 0, maxInFlightPhaseTwo: 0 }],
    ['names no method', { methods: [] }],
  ])('may be one that %s', async (_name, hello) => {
    const participant = await new ScriptedParticipant((stream) => stream.hello(hello)).start();
    const caller = new Caller();
    for (let n = 0; n < 3; n++) {
      await caller.call(participant.target);
      await caller.time.advance(10_000);
    }
    expect(participant.streams).toHaveLength(1);
    expect(participant.unary).toHaveLength(3);
    await until(() => participant.stream.ended);
  });

  it('may be one whose first message is no Hello', async () => {
    const participant = await new ScriptedParticipant((stream) => stream.answer({ id: 1 })).start();
    const caller = new Caller();
    for (let n = 0; n < 3; n++) await caller.call(participant.target);
    expect(participant.streams).toHaveLength(1);
    expect(participant.unary).toHaveLength(3);
  });

  it('is asked again after ten minutes, without anybody waiting for it', async () => {
    const participant = await new ScriptedParticipant((stream) =>
      stream.fail(status.UNIMPLEMENTED),
    ).start();
    const caller = new Caller();
    await caller.call(participant.target);
    participant.onStream = () => undefined;
    await caller.time.advance(599_000);
    await caller.call(participant.target);
    await turns();
    expect(participant.streams).toHaveLength(1);
    await caller.time.advance(1_000);
    await caller.call(participant.target);
    await until(() => participant.streams.length === 2);
    await caller.call(participant.target);
    expect(participant.unary).toHaveLength(4);
    participant.stream.hello();
    await turns();
    void caller.call(participant.target);
    await until(() => participant.commands.length === 1);
  });

  it('is asked again once its connection was lost and is there again', async () => {
    const participant = await plain().start();
    const caller = new Caller();
    await caller.call(participant.target);
    await caller.call(participant.target);
    participant.kill();
    await turns();
    expect((await caller.call(participant.target)).code).toBe(status.UNAVAILABLE);
    participant.onStream = (stream) => stream.hello();
    await participant.start();
    await turns();
    for (let n = 0; n < 10_000 && participant.streams.length === 0; n++) {
      await caller.call(participant.target);
      await turns();
    }
    await turns();
    void caller.call(participant.target);
    await until(() => participant.commands.length === 1);
  });

  it('is asked again where its connection was lost between two calls', async () => {
    const participant = await plain().start();
    const caller = new Caller();
    const { target } = participant;
    for (let n = 0; n < 2; n++) await caller.call(target);
    expect(caller.channels.connection(target)).toBe('ready');
    participant.kill();
    await until(() => caller.channels.connection(target) !== 'ready');
    participant.onStream = (stream) => stream.hello();
    await participant.start();
    expect((await caller.call(target)).code).toBe(status.OK);
    void caller.call(target);
    await until(() => participant.streams.length === 1);
  });

  it('counts for less than one at another address that has said Hello, broken or not', async () => {
    const old = await plain().start();
    const well = await new ScriptedParticipant().start();
    const names = new NameServer([old, well]);
    const caller = new Caller();
    await caller.opened(well, names.target);
    well.stream.fail(status.INTERNAL);
    await turns();
    expect((await caller.call(names.target)).payload?.toString()).toBe('unary');
    await caller.time.advance(100);
    await until(() => well.streams.length === 2);
  });

  it('of a name counts, where no other address has said Hello: half of localhost may be deaf', async () => {
    const participant = await plain().start();
    const caller = new Caller();
    const target = `ipv4:127.0.0.1:${participant.port},127.0.0.1:1`;
    for (let n = 0; n < 3; n++) {
      expect((await caller.call(target)).code).toBe(status.OK);
      await caller.time.advance(10_000);
    }
    expect(participant.unary).toHaveLength(3);
    expect(caller.time.pending).toBe(0);
  });
});

describe('A2: a connection', () => {
  it('is ready while a stream is usable, and then what the unary channel says', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    const { channels } = caller;
    expect(channels.connection(participant.target)).toBe('unknown');
    await caller.opened(participant);
    expect(channels.connection(participant.target)).toBe('ready');
    participant.kill();
    await until(() => channels.connection(participant.target) !== 'ready');
    await caller.call(participant.target);
    expect(channels.connection(participant.target)).toBe('down');
  });

  it('that is a stream tells nobody before it is lost, and then once when it is there again', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    await caller.opened(participant);
    let told = 0;
    caller.channels.whenReady(participant.target, () => told++);
    const stop = caller.channels.whenReady(participant.target, () => (told += 100));
    stop();
    stop();
    await turns(200);
    expect(told).toBe(0);
    participant.kill();
    await until(() => caller.channels.connection(participant.target) !== 'ready');
    await turns();
    await participant.start();
    await until(() => told > 0);
    await turns();
    expect(told).toBe(1);
  });

  it('that is lost tells nobody who stopped after the loss', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    await caller.opened(participant);
    let told = 0;
    const stop = caller.channels.whenReady(participant.target, () => told++);
    const other = new Promise<void>((resolve) =>
      caller.channels.whenReady(participant.target, resolve),
    );
    participant.kill();
    await until(() => caller.channels.connection(participant.target) !== 'ready');
    stop();
    await participant.start();
    await other;
    expect(told).toBe(0);
  });
});

describe('how long a participant remembers a branch', () => {
  it('is what its last Hello said, and known while it is away', async () => {
    const participant = await new ScriptedParticipant((stream) =>
      stream.hello({ barrier: true, barrierRetentionMs: 5_000_000_000n }),
    ).start();
    const caller = new Caller();
    expect(caller.channels.barrierRetentionMs(participant.target)).toBeUndefined();
    await caller.opened(participant);
    expect(caller.channels.barrierRetentionMs(participant.target)).toBe(5_000_000_000);
    participant.stream.fail(status.UNAVAILABLE);
    await until(() => caller.channels.connection(participant.target) !== 'ready');
    expect(caller.channels.barrierRetentionMs(participant.target)).toBe(5_000_000_000);
    expect(caller.channels.barrierRetentionMs('other:1')).toBeUndefined();
  });

  it('is not known of one that does not say it any more', async () => {
    let days: bigint | undefined = 30n;
    const participant = await new ScriptedParticipant((stream) =>
      stream.hello({ barrierRetentionMs: days }),
    ).start();
    const caller = new Caller();
    await caller.opened(participant);
    expect(caller.channels.barrierRetentionMs(participant.target)).toBe(30);
    days = undefined;
    participant.stream.fail(status.UNAVAILABLE);
    await until(() => caller.channels.connection(participant.target) !== 'ready');
    await caller.call(participant.target);
    await caller.time.advance(10_000);
    await until(() => participant.streams.length > 1);
    await until(() => caller.channels.barrierRetentionMs(participant.target) === undefined);
  });
});

describe('A4: targets with streams', () => {
  it('give way to others once nobody uses them, the longest unused first', async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => new ScriptedParticipant().start()));
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
    const caller = new Caller({ streamTargetsMax: 2 });
    await caller.opened(a);
    await caller.opened(b);
    await caller.opened(c);
    await until(() => a.stream.ended);
    expect(b.stream.ended).toBe(false);
    // Both are busy: who comes now has to do without.
    void caller.call(b.target);
    void caller.call(c.target);
    await until(() => b.commands.length + c.commands.length === 4);
    expect((await caller.call(a.target)).payload?.toString()).toBe('unary');
  });
});

describe('close', () => {
  it('lets participants stop that wait for their streams, and leaves no timer', async () => {
    const participant = await new ScriptedParticipant((stream) => {
      stream.hello();
      stream.call.on('end', () => stream.call.end());
    }).start();
    const caller = new Caller();
    await caller.opened(participant);
    caller.channels.close();
    expect(caller.time.pending).toBe(0);
    await participant.shutdown();
  });

  it('lets them stop even where they do not answer the end of a stream', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    await caller.opened(participant);
    caller.channels.close();
    caller.channels.close();
    await participant.shutdown();
  });

  it('ends calls wherever they are', async () => {
    const asked = await new ScriptedParticipant(() => undefined).start();
    const busy = await new ScriptedParticipant((stream) =>
      stream.hello({ maxInFlightTry: 1 }),
    ).start();
    const caller = new Caller();
    await caller.opened(busy);
    const running = caller.call(busy.target);
    const waiting = caller.call(busy.target);
    const asking = caller.call(asked.target);
    await until(() => busy.commands.length === 2 && asked.streams.length === 1);
    caller.channels.close();
    expect(await running).toMatchObject({ code: status.UNAVAILABLE, sent: true });
    expect(await waiting).toMatchObject({ code: status.UNAVAILABLE, sent: false });
    expect(await asking).toMatchObject({ code: status.UNAVAILABLE, sent: false });
    expect(caller.time.pending).toBe(0);
    expect([...busy.unary, ...asked.unary]).toEqual([]);
  });

  it('is no end: a later call connects anew', async () => {
    const participant = await new ScriptedParticipant().start();
    const caller = new Caller();
    await caller.opened(participant);
    caller.channels.close();
    const call = caller.call(participant.target);
    await until(() => participant.streams.length === 2 && participant.commands.length === 2);
    participant.stream.answer(participant.stream.command);
    expect((await call).code).toBe(status.OK);
  });

  it('leaves nothing that keeps a process alive, with the machine’s own timers', async () => {
    const participant = await new ScriptedParticipant().start();
    const before = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const channels = new ParticipantChannels();
    void channels.call(aRequest(participant.target, {}));
    await until(() => participant.commands.length === 1);
    participant.stream.answer(participant.stream.command);
    void channels.call(aRequest(participant.target, { method: methods.try }));
    await until(() => participant.commands.length === 2);
    channels.close();
    const after = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    expect(after).toBeLessThanOrEqual(before);
  });
});
