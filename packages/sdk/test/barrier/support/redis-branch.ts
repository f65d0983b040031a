/** Branches at a real Redis, called as `addTcc` calls a barrier. */
import { systemRandom } from '@tercet/runtime';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeWith } from '../../../../../test/support/servers/describe-with';
import type {
  Barrier,
  BarrierCall,
  BarrierEnd,
  OpenedCall,
  WorkDone,
} from '../../../src/barrier/barrier';
import { redisBarrier, type RedisBarrierOptions, type RedisCall } from '../../../src/barrier/redis';

function hexOf(bytes: number): string {
  return Buffer.from(systemRandom.bytes(bytes)).toString('hex');
}

/** What a handler of these tests is given. */
export type Opened = OpenedCall<RedisCall>;
/** A handler; its reply is any JSON. */
export type Handler = (opened: Opened) => Promise<unknown>;

/** One run of a transaction with one branch. */
export class Branch {
  readonly runId = hexOf(16);
  /** Set to true: its caller has gone. */
  gone = false;

  constructor(
    private readonly barrier: Barrier<RedisCall>,
    readonly id = '1',
  ) {}

  call(phase: BarrierCall['phase'], more: Partial<BarrierCall> = {}): BarrierCall {
    return {
      runId: this.runId,
      branchId: this.id,
      gid: 'order-1',
      service: 'shop.StockTcc',
      action: 'reserve',
      phase,
      attempt: 1,
      deadline: undefined,
      givenUp: () => this.gone,
      cancelWhenTryUnknown: 'skip',
      encodeReply,
      ...more,
    };
  }

  /** One call whose handler returns its reply. */
  run(
    phase: BarrierCall['phase'],
    handler: Handler,
    more: Partial<BarrierCall> & { readonly note?: Uint8Array } = {},
  ): Promise<BarrierEnd> {
    const { note, ...call } = more;
    return this.barrier.carryOut(this.call(phase, call), async (opened): Promise<WorkDone> => {
      const reply = await handler(opened);
      return { reply: encodeReply(reply), note };
    });
  }

  /** The key of its row. */
  row(tag: string): string {
    return `tercet:{${tag}}:${this.runId}:${this.id}`;
  }
}

/** Replies of these tests are JSON. */
export function encodeReply(reply: unknown): Uint8Array {
  return reply === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(reply));
}

/** What a reply said. */
export function decodeReply(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : JSON.parse(Buffer.from(bytes).toString());
}

/** A client and a barrier for the tests of one server. */
export class RedisSite {
  private opened: Redis | Cluster | undefined;

  constructor(private readonly open: () => Promise<Redis | Cluster>) {}

  get client(): Redis | Cluster {
    if (this.opened === undefined) throw new Error('ask for the client in a test');
    return this.opened;
  }

  async start(): Promise<void> {
    this.opened = await this.open();
  }

  stop(): void {
    this.opened?.disconnect();
  }

  /** A tag, and so keys, that no other test has. */
  tag(): string {
    return hexOf(8);
  }

  barrier(options?: RedisBarrierOptions): Barrier<RedisCall> {
    return redisBarrier(this.client, options);
  }

  branch(options?: RedisBarrierOptions): Branch {
    return new Branch(this.barrier(options));
  }
}

/** The same tests on one server and on a cluster of three. */
export function describeOnRedis(name: string, body: (site: RedisSite) => void): void {
  describe(name, () => {
    describeWith('redis', (server) => {
      withSite(new RedisSite(async () => new Redis((await server.freshDatabase()).url)), body);
    });
    describeWith('redis-cluster', (server) => {
      withSite(new RedisSite(async () => new Cluster([server.url])), body);
    });
  });
}

function withSite(site: RedisSite, body: (site: RedisSite) => void): void {
  beforeAll(() => site.start());
  afterAll(() => site.stop());
  body(site);
}
