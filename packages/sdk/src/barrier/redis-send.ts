/** Sends scripts: by name, and as a text where the server does not keep it; never longer than the caller waits. */
import type { Clock, Scheduler } from '@tercet/core';
import {
  LostConnections,
  type RedisArgument,
  type RedisClient,
  type RedisConnection,
} from './redis-client';
import { failureOf, isScriptUnknown, type RedisFailure } from './redis-failures';
import type { RedisScript } from './redis-script';

/** Longest wait for an answer where the caller named no deadline. */
const ANSWER_MS_MAX = 30_000;

/** Why nothing can be sent any more. */
export const CLIENT_CLOSED =
  'the Redis client was closed (quit or disconnect): make a new one, and close it only after the servers have drained';

/** How a command ended. */
export type Sent =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: RedisFailure; readonly error: unknown };

/** A script with what it is given. */
export interface ScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  /** Unix ms; undefined = none. */
  readonly deadline: number | undefined;
}

/** Sends scripts through the user's client. */
export class RedisSender {
  private readonly lost: LostConnections;

  constructor(
    private readonly client: RedisClient,
    private readonly ports: { readonly clock: Clock; readonly scheduler: Scheduler },
  ) {
    this.lost = LostConnections.of(client);
  }

  /** Never rejects. */
  async run({ script, keys, args, deadline }: ScriptCall): Promise<Sent> {
    if (this.client.status === 'end') return { kind: 'refused', error: new Error(CLIENT_CLOSED) };
    const before = this.lost.count;
    const rest: RedisArgument[] = [keys.length, ...keys, ...args];
    try {
      return { kind: 'answered', answer: await this.inTime(this.sent(script, rest), deadline) };
    } catch (error) {
      return { kind: failureOf(error, this.lost.count !== before), error };
    }
  }

  private async sent(script: RedisScript, rest: RedisArgument[]): Promise<unknown> {
    try {
      return await this.client.callBuffer('evalsha', [script.sha, ...rest]);
    } catch (error) {
      if (!isScriptUnknown(error)) throw error;
      return this.client.callBuffer('eval', [script.text, ...rest]);
    }
  }

  private inTime(work: Promise<unknown>, deadline: number | undefined): Promise<unknown> {
    const { clock, scheduler } = this.ports;
    const ms = deadline === undefined ? ANSWER_MS_MAX : Math.max(0, deadline - clock.now());
    return withinMs(work, ms, scheduler);
  }
}

/** The same promise, rejected when the time is over. */
export function withinMs<T>(work: Promise<T>, ms: number, scheduler: Scheduler): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = scheduler.after(ms, () => reject(new Error(`no answer within ${ms} ms`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** One command to one node, for checks. */
export async function askNode(
  node: RedisConnection,
  command: string,
  args: readonly string[],
): Promise<readonly string[]> {
  const answer = await node.callBuffer(command, [...args]);
  return (Array.isArray(answer) ? answer : [answer]).map(String);
}
