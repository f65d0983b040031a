/** Streams without a network: a test plays the coordinator, turn by turn. */
import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import {
  type SessionAnswer,
  type SessionCommand,
  SessionRequest,
  type SessionResponse,
} from '@tercet/proto';
import type { Answer, CallBounds } from '../../src/coordinator/coordinator-transport';
import * as kinds from '../../src/grpc/command-kinds';
import type { Question } from '../../src/grpc/session/command';
import { Session, type SessionLines } from '../../src/grpc/session/session';
import type { SessionLine } from '../../src/grpc/session/session-stream';
import { aWireTransaction } from './wire';

/** The coordinator's end of one stream. */
export class ScriptedStream extends EventEmitter {
  /** The messages that came. */
  readonly messages: SessionRequest[] = [];
  /** What `write` answers. */
  keepsUp = true;
  writableEnded = false;
  cancelled = false;

  write(bytes: Buffer): boolean {
    this.messages.push(SessionRequest.decode(bytes));
    return this.keepsUp;
  }

  end(): void {
    this.writableEnded = true;
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** All commands that came, in order. */
  get commands(): readonly SessionCommand[] {
    return this.messages.flatMap(({ commands }) => commands);
  }

  /** Names of the gids of each message. */
  get gids(): readonly (readonly string[])[] {
    return this.messages.map(({ commands }) => commands.map(gidOf));
  }

  say(response: Partial<SessionResponse>): void {
    this.emit('data', { hello: undefined, answers: [], drain: false, ...response });
  }

  /** Answers gets, by their gids; all that came where none is named. */
  answer(...gids: readonly string[]): void {
    const chosen = this.commands.filter(
      (command) => gids.length === 0 || gids.includes(gidOf(command)),
    );
    this.say({ answers: chosen.map(({ id, command }) => answerTo(id, command?.value.gid ?? '')) });
  }

  /** Ends with a status. */
  over(code: number, details = '', metadata = new Metadata()): void {
    this.emit('status', { code, details, metadata });
  }
}

function gidOf({ command }: SessionCommand): string {
  return command?.value.gid ?? '';
}

/** The answer of a get. */
export function answerTo(id: number, gid: string): SessionAnswer {
  const value = { transaction: aWireTransaction({ gid }), result: undefined };
  return { id, answer: { $case: 'got', value } };
}

/** A session and the streams that it opened. */
export class ScriptedSession implements SessionLines {
  readonly time = new ManualTime();
  readonly streams: ScriptedStream[] = [];
  /** What became of the channels. */
  readonly story: string[] = [];
  /** Gids of commands that were carried out as unary calls, with their bounds. */
  readonly unary: { readonly gid: string; readonly bounds: CallBounds }[] = [];
  /** Whether connecting succeeds. */
  connection: 'ready' | 'unknown' = 'ready';
  notOffered = 0;
  readonly session: Session;
  private line: SessionLine;
  /** Whether there is another address. */
  several = false;
  private lines = 0;

  constructor() {
    this.line = this.aLine();
    this.session = new Session({
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(3),
      channels: this,
      unary: ({ wire }, bounds) => {
        this.unary.push({ gid: (wire as { gid: string }).gid, bounds });
        return Promise.resolve({ kind: 'ok', reply: 'unary' });
      },
      notOffered: () => {
        this.notOffered += 1;
      },
    });
  }

  get current(): SessionLine {
    return this.line;
  }

  failed({ address }: SessionLine): void {
    this.story.push(`${address} failed`);
  }

  drained({ address }: SessionLine): void {
    this.story.push(`${address} drained`);
    this.line = this.aLine();
  }

  /** The stream that was opened last. */
  get stream(): ScriptedStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('no stream was opened');
    return last;
  }

  /** Asks for a transaction; the answer's gid, or how it was lost. */
  async get(gid: string, bounds: Partial<CallBounds> = {}): Promise<string> {
    return said(await this.ask(kinds.getTransaction, { gid, withResult: false }, bounds));
  }

  /** Waits for a transaction. */
  async wait(gid: string, bounds: Partial<CallBounds> = {}, waitMs = 1_000): Promise<string> {
    const request = { gid, waitFor: 'settled', waitMs, withResult: false };
    return said(await this.ask(kinds.waitTransaction, request, bounds));
  }

  /** Decides, and waits for Confirm. */
  async commit(gid: string): Promise<string> {
    const request = { gid, runId: 'r', branchIds: [], result: undefined };
    return said(await this.ask(kinds.commit, { ...request, waitFor: 'executed', waitMs: 1_000 }));
  }

  private ask(
    kind: { patienceOf(request: never): kinds.Patience; toWire(request: never): unknown },
    request: unknown,
    bounds: Partial<CallBounds> = {},
  ): Promise<Answer<unknown>> {
    const question = {
      kind,
      wire: kind.toWire(request as never),
      patience: kind.patienceOf(request as never),
      bounds: { deadlineMs: 5_000, signal: new AbortController().signal, ...bounds },
    };
    return this.session.carry(question as unknown as Question);
  }

  private aLine(): SessionLine {
    const address = `line ${++this.lines}`;
    const duplex = (): unknown => {
      const stream = new ScriptedStream();
      this.streams.push(stream);
      return stream;
    };
    const connection = (): 'ready' | 'unknown' => this.connection;
    const channel = {
      duplex,
      get connection() {
        return connection();
      },
      close: () => void this.story.push(`${address} closed`),
    };
    return { address, channel: channel as unknown as SessionLine['channel'] };
  }
}

function said(answer: Answer<unknown>): string {
  if (answer.kind !== 'ok') return `${answer.kind}: ${answer.error.code}: ${answer.error.message}`;
  const { reply } = answer as { reply: string | { transaction?: { gid: string } } };
  return typeof reply === 'string' ? reply : (reply.transaction?.gid ?? 'ok');
}
