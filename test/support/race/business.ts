/** A participant of the shop service whose handlers keep a ledger, and stop where a test says. */
import {
  type Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { type AddTccOptions, type CallContext, addTcc, defineTcc } from '@tercet/sdk';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own test service, no part of what it exports
import { ShopTccService } from '../../../packages/sdk/test/support/shop-service';
import { Ledger } from './ledger';

/** What a test does within a handler; what it throws is the answer. */
export type Step = (ctx: CallContext) => Promise<void> | void;

const actions = {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
  charge: { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' },
} as const;
// gRPC's deadlines run on the machine's clock: long enough that a busy machine does not pass them.
const deadlines = { try: '30s', confirm: '30s', cancel: '30s' } as const;
const retry = { firstDelay: '20ms', maxDelay: '40ms' } as const;

/** The actions, without a barrier. */
export const plain = defineTcc(ShopTccService, actions, { deadlines, retry });
/** The same, of a participant that keeps late Tries out by itself. */
export const guarded = defineTcc(ShopTccService, actions, { deadlines, retry, barrier: true });
/** Without a barrier, and with little time for a Cancel. */
export const hasty = defineTcc(ShopTccService, actions, {
  deadlines: { ...deadlines, cancel: '200ms' },
  retry,
});
/** Without a barrier, and with little time for a Try. */
export const brief = defineTcc(ShopTccService, actions, {
  deadlines: { ...deadlines, try: '300ms' },
  retry,
});

/** A participant on a free port. */
export class Business {
  readonly ledger: Ledger;
  /** `try 1`, `try 1 ended`, `cancel 2`, … as handlers were entered and left. */
  readonly story: string[] = [];
  /** Attempts of each call, by `phase branch`. */
  readonly attempts = new Map<string, number[]>();
  /** By `phase branch`: runs before the handler's effect, or after it and before the answer. */
  readonly before = new Map<string, Step>();
  readonly after = new Map<string, Step>();
  /** `cancel 2`, … as calls arrived, before anything was done about them. */
  readonly arrived: string[] = [];
  private readonly server = new Server({ interceptors: [this.watching()] });
  private port = 0;

  constructor(private readonly options: AddTccOptions) {
    this.ledger = new Ledger(options.barrier === true);
  }

  /** Where it listens. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const silent = async (_request: unknown, ctx: CallContext) => void (await this.handle(ctx));
    const phaseTwo = { confirm: silent, cancel: silent };
    const answering =
      <R>(reply: R) =>
      async (_request: unknown, ctx: CallContext): Promise<R> => {
        await this.handle(ctx);
        return reply;
      };
    addTcc(
      this.server,
      plain,
      {
        reserve: { try: answering({ reservationId: 'r' }), ...phaseTwo },
        charge: { try: answering({ chargeId: 'c', balance: 0 }), ...phaseTwo },
        count: (_, callback) => callback(null, { count: 0 }),
      },
      this.options,
    );
    this.port = await new Promise<number>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      this.server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  }

  stop(): void {
    this.server.forceShutdown();
  }

  /** Phases that reached the handlers of a branch, each once. */
  phasesOf(branch: string): string[] {
    const words = this.story.map((line) => line.split(' '));
    return [...new Set(words.flatMap(([phase = '', id]) => (id === branch ? [phase] : [])))];
  }

  private watching(): ServerInterceptor {
    const note = (metadata: Metadata): void => {
      const [phase] = metadata.get('tercet-phase');
      const [branch] = metadata.get('tercet-branch-id');
      this.arrived.push(`${String(phase)} ${String(branch)}`);
    };
    return (_method, call) =>
      new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata: (metadata, following) => {
              note(metadata);
              following(metadata);
            },
          }),
      });
  }

  private async handle(ctx: CallContext): Promise<void> {
    const key = `${ctx.phase} ${ctx.branchId}`;
    this.story.push(key);
    this.attempts.set(key, [...(this.attempts.get(key) ?? []), ctx.attempt]);
    await this.before.get(key)?.(ctx);
    this.ledger.enter(ctx);
    await this.after.get(key)?.(ctx);
    this.story.push(`${key} ended`);
  }
}
