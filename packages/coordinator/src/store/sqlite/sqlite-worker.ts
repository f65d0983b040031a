import { Worker } from 'node:worker_threads';
import { TercetError } from '@tercet/core';
import { StoreFailure } from '../store';
import type { WireFailure } from './failures';
import type { Replies, ReplyMessage, Request } from './messages';
import { threadEntry } from './thread-entry';

type Reply = Replies[Request['kind']];

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/**
 * One life of the worker thread. Requests are answered in their order; when the thread ends, whatever waits is
 * rejected as `unknown`, since nobody can tell how far the thread had come.
 */
export class SqliteWorker {
  private readonly waiting = new Map<number, Waiting>();
  private readonly thread: Worker;
  private number = 0;
  private failure: StoreFailure | undefined;
  private readonly ended: Promise<void>;

  constructor() {
    this.thread = new Worker(...threadEntry('worker'));
    this.thread.on('message', (message: ReplyMessage) => this.receive(message));
    this.thread.on('error', (cause) => this.fail('the store’s worker thread failed', cause));
    this.ended = new Promise((resolve) => {
      this.thread.on('exit', () => {
        this.fail('the store’s worker thread ended');
        resolve();
      });
    });
  }

  /** Whether the thread can no longer answer. */
  get dead(): boolean {
    return this.failure !== undefined;
  }

  /** Sends a request, with memory that goes over to the thread. Rejects with StoreFailure, or with the TercetError that opening ended with. */
  async ask<R extends Request>(
    request: R,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Replies[R['kind']]> {
    if (this.failure !== undefined) throw this.failure;
    const number = this.number++;
    const reply = await new Promise<Reply>((resolve, reject) => {
      try {
        this.thread.postMessage({ number, request }, moved);
      } catch (cause) {
        // A value that cannot even be copied to another thread can never be written.
        reject(new StoreFailure('data', `a value cannot be stored: ${textOf(cause)}`, { cause }));
        return;
      }
      this.waiting.set(number, { resolve, reject });
    });
    return reply as Replies[R['kind']];
  }

  /** Ends the thread at once, wherever it is. Resolves when it has ended. */
  async kill(): Promise<void> {
    await this.thread.terminate();
    await this.ended;
  }

  /** Resolves when the thread has ended by itself, as it does after `close`. */
  async end(): Promise<void> {
    await this.ended;
  }

  private receive(message: ReplyMessage): void {
    const waiting = this.waiting.get(message.number);
    this.waiting.delete(message.number);
    if (message.ok) waiting?.resolve(message.reply);
    else waiting?.reject(errorOf(message.failure));
  }

  private fail(message: string, cause?: unknown): void {
    const text = cause === undefined ? message : `${message}: ${textOf(cause)}`;
    this.failure ??= new StoreFailure('unknown', text, { cause });
    for (const waiting of this.waiting.values()) waiting.reject(this.failure);
    this.waiting.clear();
  }
}

function errorOf(failure: WireFailure): Error {
  if (failure.kind === 'store') return new StoreFailure(failure.failure, failure.message);
  return new TercetError(failure.code, { message: failure.message });
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
