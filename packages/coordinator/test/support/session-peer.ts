/** A session without gRPC: the peer is a test, the commands end when the test says so, time stands still. */
import type { TercetError } from '@tercet/core';
import { ManualTime } from '@tercet/core/testing';
import type { SessionAnswer, SessionCommand, SessionResponse } from '@tercet/proto';
import { RunningWork } from '../../src/engine/running-work';
import type { CallContext } from '../../src/service/transaction-service';
import type { Commands } from '../../src/transport/grpc/handlers';
import {
  type SessionDeps,
  SessionStream,
  type SessionWire,
} from '../../src/transport/grpc/session/session-stream';
import { get, wait } from './grpc-world';

/** A command that is carried out. */
export interface Held {
  readonly gid: string;
  readonly call: CallContext;
  /** Answers it. */
  readonly done: () => void;
  /** Lets it fail. */
  readonly fail: (error: unknown) => void;
}

/** A session, and all that stands around it. */
export class SessionPeer implements SessionWire {
  readonly time = new ManualTime();
  readonly calls = new RunningWork();
  /** What was written. */
  readonly messages: SessionResponse[] = [];
  /** What was done to the stream otherwise, in order. */
  readonly story: string[] = [];
  /** Commands that wait for the test; a `get` is answered at once. */
  readonly held: Held[] = [];
  readonly reported: unknown[] = [];
  failure: TercetError | undefined;
  keepsUp = true;
  overs = 0;
  readonly stream: SessionStream;

  constructor(over: Partial<SessionDeps> = {}) {
    const deps = {
      commands: this.commands(),
      clock: this.time,
      scheduler: this.time,
      calls: this.calls,
      report: (error: unknown) => {
        this.reported.push(error);
        return 'e1';
      },
      ...over,
    };
    this.stream = new SessionStream(this, deps, () => this.overs++);
    this.stream.open();
  }

  /** Sends commands in one message. */
  send(...commands: SessionCommand[]): void {
    this.stream.receive({ commands, givenUpIds: [] });
  }

  /** Gives commands up, and sends others in the same message. */
  giveUp(ids: number[], ...commands: SessionCommand[]): void {
    this.stream.receive({ commands, givenUpIds: ids });
  }

  /** Lets everything that is ready happen. */
  async settle(): Promise<void> {
    await this.time.settle();
  }

  /** Answers so far, message by message: `1 waited`, `2 failure`. */
  get answers(): string[][] {
    return this.messages
      .filter(({ answers }) => answers.length > 0)
      .map(({ answers }) => answers.map(({ id, answer }) => `${id} ${answer?.$case}`));
  }

  /** The answer of a command; throws where there is none. */
  answerOf(id: number): SessionAnswer {
    const found = this.messages.flatMap(({ answers }) => answers).find((each) => each.id === id);
    if (found === undefined) throw new Error(`command ${id} is not answered`);
    return found;
  }

  /** Whether no command is under way any more. */
  async idle(): Promise<boolean> {
    let over = false;
    void this.calls.over().then(() => (over = true));
    await this.settle();
    return over;
  }

  write(response: SessionResponse): boolean {
    this.messages.push(response);
    return this.keepsUp;
  }

  pause(): void {
    this.story.push('pause');
  }

  resume(): void {
    this.story.push('resume');
  }

  end(): void {
    this.story.push('end');
  }

  fail(error: TercetError): void {
    this.failure = error;
    this.story.push('fail');
  }

  private commands(): Commands {
    const held = ({ gid }: { gid: string }, call: CallContext): Promise<never> =>
      new Promise((resolve, reject) => {
        const transaction = undefined as never;
        const done = (): void => resolve({ transaction } as never);
        this.held.push({ gid, call, done, fail: reject });
      });
    return {
      register: held,
      commit: held,
      rollback: held,
      get: () => Promise.resolve({ transaction: undefined }),
      wait: held,
    };
  }
}

/** A command that waits until the test ends it. */
export function aWait(id: number, over: Partial<SessionCommand> = {}): SessionCommand {
  return { id, deadlineMs: 0, command: { $case: 'wait', value: wait }, ...over };
}

/** A command that is answered at once. */
export function aGet(id: number): SessionCommand {
  return { id, deadlineMs: 0, command: { $case: 'get', value: get } };
}
