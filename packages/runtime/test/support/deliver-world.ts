/** Participants that do on a Deliver stream what a test tells them, real gRPC between, and a clock that stands still. */
import { afterEach } from '@jest/globals';
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  experimental,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import {
  type DeliverCommand,
  type DeliverHello,
  type DeliverOutcome,
  type DeliverRequest,
  DeliverResponse,
  ParticipantService,
} from '@tercet/proto';
import {
  ParticipantChannels,
  type ParticipantChannelsOptions,
  type ParticipantReply,
  type ParticipantRequest,
  systemScheduler,
} from '@tercet/runtime';

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** Timers that run when a test says so; what is due in this turn runs after it, so that real sockets go on. */
export class TurningTime extends ManualTime {
  override soon(work: () => void): void {
    systemScheduler.soon(work);
  }
}

/** Lets the event loop turn until `holds` says yes. The time limit is the test's own. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}

/** Lets the event loop turn so often that what was on its way over loopback has arrived. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => systemScheduler.soon(resolve));
}

/** One Deliver stream as its participant sees it. */
export class ScriptedStream {
  readonly commands: DeliverCommand[] = [];
  readonly messages: DeliverRequest[] = [];
  readonly givenUp: number[] = [];
  halfClosed = false;
  ended = false;

  constructor(readonly call: ServerDuplexStream<DeliverRequest, Buffer>) {
    call.on('data', (request: DeliverRequest) => {
      this.messages.push(request);
      this.commands.push(...request.commands);
      this.givenUp.push(...request.givenUpIds);
    });
    call.on('end', () => {
      this.halfClosed = true;
    });
    call.on('close', () => {
      this.ended = true;
    });
    call.on('cancelled', () => {
      this.ended = true;
    });
    call.on('error', () => undefined);
  }

  /** The latest command. */
  get command(): DeliverCommand {
    return this.at(-1);
  }

  /** A command by its place. */
  at(index: number): DeliverCommand {
    const command = this.commands.at(index);
    if (command === undefined) throw new Error(`there is no command ${index}`);
    return command;
  }

  say(response: Partial<DeliverResponse>): void {
    const full = { outcomes: [], drain: false, ...response };
    this.call.write(Buffer.from(DeliverResponse.encode(full).finish()));
  }

  hello(over: Partial<DeliverHello> = {}): void {
    this.say({ hello: aHello(over) });
  }

  /** Answers a command, OK unless told otherwise. */
  answer(command: { readonly id: number }, over: Partial<DeliverOutcome> = {}): void {
    this.say({ outcomes: [anOutcome(command.id, over)] });
  }

  /** Ends the stream with a status. */
  fail(code: status, details = 'scripted'): void {
    this.call.emit('error', { code, details });
  }
}

/** The methods that scripted participants name. */
export const methods = {
  try: '/shop.Stock/ReserveTry',
  confirm: '/shop.Stock/ReserveConfirm',
  cancel: '/shop.Stock/ReserveCancel',
} as const;

export function aHello(over: Partial<DeliverHello> = {}): DeliverHello {
  return {
    protocolVersion: 1,
    barrier: false,
    actions: ['reserve'],
    methods: Object.values(methods),
    maxInFlightTry: 1_000,
    maxInFlightPhaseTwo: 1_000,
    ...over,
  };
}

export function anOutcome(id: number, over: Partial<DeliverOutcome> = {}): DeliverOutcome {
  const nothing = { grpcCode: status.OK, message: '', verdict: '', nestedBranchIds: [] };
  return { id, reply: Buffer.alloc(0), ...nothing, ...over };
}

/** A unary call as a participant got it. */
export interface UnaryCall {
  readonly method: string;
  readonly metadata: Record<string, unknown>;
}

/** A participant. `onStream` is called for each new stream; undefined = it offers no Deliver. */
export class ScriptedParticipant {
  readonly streams: ScriptedStream[] = [];
  readonly unary: UnaryCall[] = [];
  readonly connections = new Set<string>();
  port = 0;
  /** `0.0.0.0`: on every address of this machine. */
  host = '127.0.0.1';
  private server = new Server();

  constructor(
    public onStream: ((stream: ScriptedStream, n: number) => void) | undefined = (stream) =>
      stream.hello(),
    public onUnary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void = (
      _call,
      done,
    ) => done(null, Buffer.from('unary')),
  ) {}

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The latest stream. */
  get stream(): ScriptedStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('no stream was opened');
    return last;
  }

  /** Commands of all streams. */
  get commands(): readonly DeliverCommand[] {
    return this.streams.flatMap(({ commands }) => commands);
  }

  /** Listens; again on the same port after `kill`. */
  async start(): Promise<this> {
    this.server = new Server();
    this.serve();
    cleanUps.push(() => this.server.forceShutdown());
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(
        `${this.host}:${this.port}`,
        ServerCredentials.createInsecure(),
        (error, port) => (error === null ? resolve(port) : reject(error)),
      );
    });
    return this;
  }

  /** Is gone at once, as after kill -9. */
  kill(): void {
    this.server.forceShutdown();
  }

  /** Resolves when every stream and call has ended. */
  async shutdown(): Promise<void> {
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
  }

  private serve(): void {
    const raw = (bytes: Buffer): Buffer => bytes;
    const { deliver } = ParticipantService;
    if (this.onStream !== undefined) {
      this.server.addService(
        { deliver: { ...deliver, responseSerialize: raw, responseDeserialize: raw } },
        { deliver: (call: ServerDuplexStream<DeliverRequest, Buffer>) => this.opened(call) },
      );
    }
    const service: Record<string, MethodDefinition<Buffer, Buffer>> = {};
    for (const [name, path] of Object.entries(methods)) {
      service[name] = {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      };
    }
    const handler = (path: string): UntypedHandleCall =>
      ((call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        this.unary.push({ method: path, metadata: call.metadata.getMap() });
        this.onUnary(call, done);
      }) as UntypedHandleCall;
    const handlers = Object.entries(methods).map(([name, path]) => [name, handler(path)]);
    this.server.addService(service, Object.fromEntries(handlers) as UntypedServiceImplementation);
  }

  private opened(call: ServerDuplexStream<DeliverRequest, Buffer>): void {
    this.connections.add(call.getPeer());
    const stream = new ScriptedStream(call);
    this.streams.push(stream);
    this.onStream?.(stream, this.streams.length);
  }
}

/** A caller with a clock of its own. */
export class Caller {
  readonly time = new TurningTime();
  readonly channels: ParticipantChannels;

  constructor(options: ParticipantChannelsOptions = {}) {
    this.channels = new ParticipantChannels({
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(7),
      ...options,
    });
    cleanUps.push(() => this.channels.close());
  }

  /** Starts a call; 30 s unless told otherwise. */
  call(target: string, over: CallOver = {}): Observed {
    return observed(this.channels.call(aRequest(target, over)));
  }

  /** Calls until a stream of `participant` is used. */
  async opened(participant: ScriptedParticipant, target = participant.target): Promise<void> {
    void this.call(target);
    await until(() => participant.commands.length > 0);
    participant.stream.answer(participant.stream.command);
    await turns();
  }
}

/** What a test changes in a request. */
export interface CallOver extends Partial<ParticipantRequest> {
  readonly phase?: 'try' | 'confirm' | 'cancel';
}

export function aRequest(target: string, { phase = 'try', ...over }: CallOver): ParticipantRequest {
  return {
    target,
    method: methods[phase],
    payload: Uint8Array.of(1, 2),
    context: {
      gid: 'order-1',
      runId: 'ab'.repeat(16),
      branchId: '1',
      action: 'reserve',
      phase,
      attempt: 1,
      notAfter: phase === 'confirm' ? undefined : 1_800_000_000_000,
      trace: undefined,
    },
    deadlineMs: 30_000,
    ...over,
  };
}

/** A call whose end can be looked at. */
export interface Observed extends Promise<ParticipantReply> {
  reply: ParticipantReply | undefined;
}

function observed(promise: Promise<ParticipantReply>): Observed {
  const result = promise as Observed;
  result.reply = undefined;
  void promise.then((reply) => {
    result.reply = reply;
  });
  return result;
}

let schemes = 0;

/** A name whose addresses a test sets; each has a scheme of its own. */
export class NameServer {
  asked = 0;
  /** Addresses besides those of `participants`. */
  more: readonly { readonly host: string; readonly port: number }[] = [];
  readonly target: string;

  constructor(public participants: readonly ScriptedParticipant[] | 'unknown') {
    const scheme = `names${schemes++}`;
    this.target = `${scheme}:///shop`;
    const lookUp = (listener: experimental.ResolverListener): void => this.lookUp(listener);
    experimental.registerResolver(
      scheme,
      class {
        constructor(
          _: unknown,
          private readonly listener: experimental.ResolverListener,
        ) {}
        static getDefaultAuthority(): string {
          return 'shop.example';
        }
        updateResolution(): void {
          lookUp(this.listener);
        }
        destroy(): void {
          // Nothing is kept.
        }
      },
    );
  }

  private lookUp(listener: experimental.ResolverListener): void {
    this.asked++;
    const { participants } = this;
    const failure = { code: status.UNAVAILABLE, details: 'no such name' };
    systemScheduler.soon(() => {
      if (participants === 'unknown') {
        listener(experimental.statusOrFromError(failure), {}, null, '');
        return;
      }
      const addresses = [
        ...participants.map(({ port }) => ({ host: '127.0.0.1', port })),
        ...this.more,
      ];
      const endpoints = addresses.map((address) => ({ addresses: [address] }));
      listener(experimental.statusOrFromValue(endpoints), {}, null, '');
    });
  }
}
