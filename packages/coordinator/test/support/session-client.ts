/** A session as any language would open it: the generated client and nothing else. */
import { type ClientDuplexStream, type StatusObject, credentials } from '@grpc/grpc-js';
import {
  CoordinatorClient,
  type SessionAnswer,
  type SessionCommand,
  type SessionRequest,
  type SessionResponse,
} from '@tercet/proto';

/** What a command is. */
export type Command = NonNullable<SessionCommand['command']>;

/** One stream to the coordinator. */
export class SessionClient {
  readonly stream: ClientDuplexStream<SessionRequest, SessionResponse>;
  /** Every message that came. */
  readonly messages: SessionResponse[] = [];
  private readonly client: CoordinatorClient;
  private readonly answers = new Map<number, SessionAnswer>();
  /** Those who wait for an answer, by its id: there may be thousands. */
  private readonly waiting = new Map<number, (answer: SessionAnswer) => void>();
  private readonly checks = new Set<() => void>();
  private status: StatusObject | undefined;
  private lastId = 0;

  constructor(address: string) {
    this.client = new CoordinatorClient(address, credentials.createInsecure());
    this.stream = this.client.session();
    this.stream.on('data', (message: SessionResponse) => {
      this.messages.push(message);
      for (const answer of message.answers) this.take(answer);
      this.look();
    });
    this.stream.on('error', () => undefined);
    this.stream.on('status', (status: StatusObject) => {
      this.status = status;
      this.look();
    });
  }

  /** Sends commands in one message; answers the ids that they were given. */
  send(...commands: Command[]): number[] {
    const given = commands.map((command) => ({ id: ++this.lastId, deadlineMs: 0, command }));
    this.write(given);
    return given.map(({ id }) => id);
  }

  /** Sends commands as they are, and gives others up, in one message. */
  write(commands: SessionCommand[], givenUpIds: number[] = []): boolean {
    return this.stream.write({ commands, givenUpIds });
  }

  /** Sends commands in one message; resolves with their answers, in the order of the commands. */
  async ask(...commands: Command[]): Promise<SessionAnswer['answer'][]> {
    const ids = this.send(...commands);
    const answers = await Promise.all(ids.map((id) => this.answered(id)));
    return answers.map(({ answer }) => answer);
  }

  /** The answer of a command. */
  answered(id: number): Promise<SessionAnswer> {
    const there = this.answers.get(id);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  /** What was answered so far. */
  get answeredIds(): number[] {
    return [...this.answers.keys()];
  }

  /** The first message. */
  hello(): Promise<SessionResponse> {
    return this.seen(() => this.messages[0]);
  }

  /** The server asked to go elsewhere. */
  drained(): Promise<unknown> {
    return this.seen(() => this.messages.find(({ drain }) => drain));
  }

  /** How the stream ended. */
  ended(): Promise<StatusObject> {
    return this.seen(() => this.status);
  }

  /** Resolves with what `find` finds, now or after a later message. */
  seen<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = find();
        if (found === undefined) return;
        this.checks.delete(check);
        resolve(found);
      };
      this.checks.add(check);
      check();
    });
  }

  /** Cuts the stream and ends the connection. */
  close(): void {
    this.stream.cancel();
    this.client.close();
  }

  private take(answer: SessionAnswer): void {
    this.answers.set(answer.id, answer);
    this.waiting.get(answer.id)?.(answer);
    this.waiting.delete(answer.id);
  }

  private look(): void {
    for (const check of this.checks) check();
  }
}
