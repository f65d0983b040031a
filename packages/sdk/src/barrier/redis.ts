/**
 * `@tercet/sdk/redis`: the barrier for participants that keep their reservations in Redis or in a Redis Cluster.
 *
 * Redis has no transaction that could stay open while a handler works. So a handler plans its work and gives it to
 * `ctx.db.apply` in one piece, and one script does everything: verdict, check, work, and the barrier's own row.
 */
import { BarrierError, ConfigError } from '../errors';
import { kindOf } from '../value-text';
import { warn } from '../warnings';
import type { Barrier, BarrierCall, BarrierEnd, BarrierWork } from './barrier';
import { type BarrierOptions, type BarrierSettings, barrierSettings } from './barrier-options';
import { CallAtRedis, type RedisCall, type RedisCallDeps, type WorkEnd } from './redis-call';
import type { RedisClient } from './redis-client';
import { weaknessesOf } from './redis-durability';
import { ScriptShelf } from './redis-script';
import { RedisSender, withinMs } from './redis-send';

export type { BarrierOptions } from './barrier-options';
export type { RedisCall } from './redis-call';
export type { RedisClient, RedisClusterConnection, RedisConnection } from './redis-client';
export type { RedisArg, RedisPlan } from './redis-plan';

/** Options of `redisBarrier`. */
export interface RedisBarrierOptions extends BarrierOptions {
  /**
   * Whether a server that may forget what it has answered is an error of `check` (and so of every call) instead of a warning
   * `BARRIER_NOT_DURABLE`: one without `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`, or one that
   * does not tell. Default: false.
   */
  readonly requireDurable?: boolean;
}

/** Longest wait for a server that is asked about itself. */
const CHECK_MS_MAX = 10_000;

/**
 * A barrier in the Redis of `client`, an ioredis `Redis` or `Cluster` of version 5. The client stays the user's: nobody
 * closes it here. Needs Redis 6.2 or newer. Keeps one hash for each branch, `tercet:{tag}:<run id>:<branch id>`, which expires
 * by itself after the retention, counted from the end of the branch.
 *
 * @throws ConfigError for what is no client, and for an unknown or malformed option.
 */
export function redisBarrier(
  client: RedisClient,
  options: RedisBarrierOptions = {},
): Barrier<RedisCall> {
  // Callers in plain JavaScript pass anything, the client's options among them.
  if (typeof (client as Partial<RedisClient> | null)?.callBuffer !== 'function') {
    throw new ConfigError(
      `redisBarrier must be given an ioredis client (new Redis(…) or new Cluster(…)), got ${kindOf(client)}`,
      { option: 'client' },
    );
  }
  const settings = barrierSettings('redisBarrier', options, ['requireDurable']);
  const { requireDurable = false } = options;
  if (typeof requireDurable !== 'boolean') {
    throw new ConfigError(
      `redisBarrier: requireDurable must be true or false, got ${kindOf(requireDurable)}`,
      { option: 'requireDurable' },
    );
  }
  return new RedisBarrier(client, settings, requireDurable);
}

class RedisBarrier implements Barrier<RedisCall> {
  readonly name = 'redis';
  readonly retentionMs: number;
  private readonly deps: RedisCallDeps;
  private warned: string | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly settings: BarrierSettings,
    private readonly requireDurable: boolean,
  ) {
    const { retentionMs, clock } = settings;
    this.retentionMs = retentionMs;
    this.deps = {
      sender: new RedisSender(client, settings),
      scripts: new ScriptShelf(),
      keyPrefix: String(client.options.keyPrefix ?? ''),
      retentionMs,
      now: () => clock.now(),
    };
  }

  async carryOut(call: BarrierCall, work: BarrierWork<RedisCall>): Promise<BarrierEnd> {
    const atRedis = new CallAtRedis(this.deps, call);
    return atRedis.conclude(await ended(() => work(atRedis)));
  }

  async check(): Promise<void> {
    const asked = weaknessesOf(this.client);
    const weak = await withinMs(asked, CHECK_MS_MAX, this.settings.scheduler).catch(asBarrierError);
    if (weak.length === 0) return;
    const message = `the Redis of this barrier may forget what it has answered, and with it the effects of Tries and Confirms: ${weak.join('; ')}`;
    if (this.requireDurable) throw new BarrierError(`${message} (requireDurable is set)`);
    if (this.warned === message) return;
    this.warned = message;
    const nobody = { gid: undefined, runId: undefined, cause: undefined };
    warn(this.settings.onWarning, { code: 'BARRIER_NOT_DURABLE', message, ...nobody });
  }

  /** There is no table. */
  async migrate(): Promise<void> {}

  /** Rows expire by themselves. */
  async cleanUp(): Promise<number> {
    return 0;
  }
}

async function ended(work: () => ReturnType<BarrierWork<RedisCall>>): Promise<WorkEnd> {
  try {
    return { kind: 'returned', done: await work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function asBarrierError(error: unknown): never {
  if (error instanceof BarrierError) throw error;
  throw new BarrierError(
    `Redis does not answer within ${CHECK_MS_MAX} ms; check its address, and that it runs`,
    { cause: error },
  );
}
