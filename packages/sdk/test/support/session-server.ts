/** Coordinators over real gRPC, scripted: their session is played by hand, or made of unary handlers. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  type UntypedServiceImplementation,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  CoordinatorService,
  type CoordinatorServer,
  ErrorInfo,
  type SessionAnswer,
  type SessionCommand,
  type SessionRequest,
  type SessionResponse,
} from '@tercet/proto';

type Stream = ServerDuplexStream<SessionRequest, SessionResponse>;
type UnaryHandler = (
  call: ServerUnaryCall<unknown, unknown>,
  callback: sendUnaryData<unknown>,
) => void;

const unaryNames = {
  register: 'registerBranches',
  commit: 'commit',
  rollback: 'rollback',
  get: 'getTransaction',
  wait: 'waitTransaction',
} as const;
const answerNames = {
  register: 'registered',
  commit: 'committed',
  rollback: 'rolledBack',
  get: 'got',
  wait: 'waited',
} as const;

type UnaryHandlers = Pick<CoordinatorServer, (typeof unaryNames)[keyof typeof unaryNames]>;

/** Unary handlers, and a session that carries its commands out with them. */
export function withSession(unary: UnaryHandlers): CoordinatorServer {
  const session = (stream: Stream): void => {
    stream.write(aMessage({ hello: { protocolVersion: 1, outstandingMax: 100 } }));
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
    stream.on('data', ({ commands }: SessionRequest) => {
      for (const { id, command } of commands) {
        if (command === undefined) continue;
        const handler = unary[unaryNames[command.$case]] as UnaryHandler;
        handler({ request: command.value } as ServerUnaryCall<unknown, unknown>, (error, value) =>
          stream.write(aMessage({ answers: [answerOf(id, command.$case, error, value)] })),
        );
      }
    });
  };
  return { ...unary, session };
}

function answerOf(
  id: number,
  command: keyof typeof answerNames,
  error: Partial<ServiceError> | null,
  value: unknown,
): SessionAnswer {
  if (error === null) {
    return { id, answer: { $case: answerNames[command], value } as SessionAnswer['answer'] };
  }
  const bytes = error.metadata?.get('tercet-error-bin')[0];
  const info = bytes === undefined ? undefined : ErrorInfo.decode(bytes as Buffer);
  const { code: grpcCode = status.UNKNOWN, details: message = '' } = error;
  return { id, answer: { $case: 'failure', value: { grpcCode, message, info } } };
}

/** A message with what is given, and nothing else. */
export function aMessage(over: Partial<SessionResponse>): SessionResponse {
  return { hello: undefined, answers: [], drain: false, ...over };
}

/** Trailers as a coordinator sends them. */
export function trailersOf(code: string): Metadata {
  const metadata = new Metadata();
  metadata.set('tercet-code', code);
  const info = ErrorInfo.encode({ code, retryable: true, hint: '', details: {} });
  metadata.set('tercet-error-bin', Buffer.from(info.finish()));
  return metadata;
}

/** What a session server does with a command: answer it, or something else with the stream. */
export type Play = (command: SessionCommand, stream: Stream) => SessionAnswer['answer'] | void;

/** A coordinator that a test can stop, start again on its port, and play. */
export class SessionServer {
  /** Every command that came over a session, in order. */
  readonly commands: SessionCommand[] = [];
  /** The streams that were opened; the last one is the newest. */
  readonly streams: Stream[] = [];
  /** Paths of the calls that were no session. */
  readonly unary: string[] = [];
  /** Called with each command. Default: a get is answered with its gid. */
  play: Play;
  /** Called with each stream; true = it was dealt with. */
  greet: (stream: Stream) => boolean = () => false;
  /** Whether sessions are offered; read at the start. */
  offered = true;
  /** Writes what is no message. */
  garbled = false;
  private server: Server | undefined;
  port = 0;

  constructor(play: Play) {
    this.play = play;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get stream(): Stream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('no stream came');
    return last;
  }

  async start(): Promise<this> {
    const server = new Server();
    this.server = server;
    const { session: method, ...unary } = CoordinatorService;
    const session = {
      ...method,
      responseSerialize: (response: SessionResponse) =>
        this.garbled ? Buffer.of(0xff, 0xff, 0xff) : method.responseSerialize(response),
    };
    server.addService(this.offered ? { ...unary, session } : unary, this.handlers());
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(this.address, ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return this;
  }

  /** Ends it as a kill does: connections are reset. Repeating is safe. */
  stop(): void {
    this.server?.forceShutdown();
    this.server = undefined;
  }

  private handlers(): UntypedServiceImplementation {
    const handlers: UntypedServiceImplementation = {};
    for (const [name, unaryName] of Object.entries(unaryNames)) {
      handlers[unaryName] = (
        call: ServerUnaryCall<unknown, unknown>,
        callback: sendUnaryData<unknown>,
      ) => {
        this.unary.push(name);
        const command = { $case: name, value: call.request } as SessionCommand['command'];
        const answer = this.play({ id: 0, deadlineMs: 0, command }, this.streams[0] as Stream);
        if (answer?.$case === 'failure') {
          const { grpcCode: code, message: details, info } = answer.value;
          callback({ code, details, ...(info && { metadata: trailersOf(info.code) }) });
        } else if (answer) callback(null, answer.value);
      };
    }
    handlers['session'] = (stream: Stream) => this.serve(stream);
    return handlers;
  }

  private serve(stream: Stream): void {
    this.streams.push(stream);
    stream.on('error', () => undefined);
    if (this.greet(stream)) return;
    stream.write(aMessage({ hello: { protocolVersion: 1, outstandingMax: 16_384 } }));
    stream.on('end', () => stream.end());
    stream.on('data', ({ commands }: SessionRequest) => {
      const answers: SessionAnswer[] = [];
      for (const command of commands) {
        this.commands.push(command);
        const answer = this.play(command, stream);
        if (answer) answers.push({ id: command.id, answer });
      }
      if (answers.length > 0) stream.write(aMessage({ answers }));
    });
  }
}
