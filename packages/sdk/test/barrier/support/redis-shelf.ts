/** A shelf in Redis: the handlers that most tests of the Redis barrier use. */
import type { Cluster, Redis } from 'ioredis';
import type { Handler } from './redis-branch';

/** Takes from `left` and keeps the quantity under the branch in `held`. */
export class Shelf {
  constructor(
    private readonly client: Redis | Cluster,
    readonly tag: string,
  ) {}

  get left(): string {
    return `left:{${this.tag}}`;
  }

  get held(): string {
    return `held:{${this.tag}}`;
  }

  async fill(count: number): Promise<void> {
    await this.client.set(this.left, count);
  }

  /** `3 left, 2 held`. */
  async state(): Promise<string> {
    const held = await this.client.hvals(this.held);
    const sum = held.reduce((total, each) => total + Number(each), 0);
    return `${await this.client.get(this.left)} left, ${sum} held`;
  }

  reserve(quantity: number, branch: string, reply: unknown = { held: quantity }): Handler {
    return ({ db }) =>
      db.apply({
        tag: this.tag,
        keys: [this.left, this.held],
        args: [quantity, branch],
        check: `
          local left = tonumber(redis.call('GET', KEYS[1]) or '0')
          if left < tonumber(ARGV[1]) then return 'only ' .. left .. ' left' end
          redis.call('HEXISTS', KEYS[2], ARGV[2])`,
        apply: `
          redis.call('DECRBY', KEYS[1], ARGV[1])
          redis.call('HINCRBY', KEYS[2], ARGV[2], ARGV[1])
          return tonumber(ARGV[1])`,
        reply,
      });
  }

  sell(branch: string): Handler {
    return ({ db }) =>
      db.apply({
        tag: this.tag,
        keys: [this.held],
        args: [branch],
        apply: `redis.call('HINCRBY', KEYS[1], ARGV[1], -tonumber(tried.saved))`,
      });
  }

  putBack(branch: string): Handler {
    return ({ db }) =>
      db.apply({
        tag: this.tag,
        keys: [this.left, this.held],
        args: [branch],
        apply: `
          if not tried then return end
          redis.call('INCRBY', KEYS[1], tried.saved)
          redis.call('HINCRBY', KEYS[2], ARGV[1], -tonumber(tried.saved))`,
      });
  }
}
