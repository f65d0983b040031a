/** A participant of the shop that takes calls on Deliver and keeps a ledger for each transaction. */
import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import type { Clock } from '@tercet/core';
import { type AddTccOptions, type CallContext, addTcc } from '@tercet/sdk';
import { afterTest } from './clean-up';
import { type Step, guarded, plain } from './race/business';
import { Ledger } from './race/ledger';

/** How books differ. */
export interface BooksOptions {
  /** Whether they say that they keep late Tries out themselves, and do. Default false. */
  readonly barrier?: boolean;
  /** Default: the machine's clock. */
  readonly time?: Clock;
}

/** What one transaction did here. */
export class Account {
  /** `try 1`, `confirm 1`, … as handlers were entered. */
  readonly calls: string[] = [];
  /** Attempts of each of them, in the same order. */
  readonly attempts: number[] = [];

  constructor(readonly ledger: Ledger) {}
}

/** A participant on a free port; its handlers bear repeats. */
export class Books {
  /** By `phase branch`: runs before the handler's effect, or after it and before the answer. */
  readonly before = new Map<string, Step>();
  readonly after = new Map<string, Step>();
  /** What the server itself was called with: one entry for each stream, one for each unary call. */
  readonly called: string[] = [];
  private readonly accounts = new Map<string, Account>();
  private readonly options: AddTccOptions;
  private readonly server: Server;
  private port = 0;

  constructor({ barrier = false, time }: BooksOptions) {
    this.options = { barrier, deliver: true, ...(time && { clock: time }) };
    const watching: ServerInterceptor = ({ path }, call) => {
      this.called.push(path);
      return new ServerInterceptingCall(call);
    };
    this.server = new Server({ interceptors: [watching] });
  }

  /** Where it listens. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The actions, as an initiator has to name them. */
  get actions(): typeof plain {
    return this.options.barrier === true ? guarded : plain;
  }

  async start(): Promise<this> {
    const silent = (_request: unknown, ctx: CallContext): Promise<void> => this.handle(ctx);
    const ends = { confirm: silent, cancel: silent };
    addTcc(
      this.server,
      this.actions,
      {
        reserve: {
          ...ends,
          try: async (_request, ctx) => {
            await this.handle(ctx);
            return { reservationId: ctx.gid };
          },
        },
        charge: {
          ...ends,
          try: async (_request, ctx) => {
            await this.handle(ctx);
            return { chargeId: ctx.gid, balance: 0 };
          },
        },
        count: (_, callback) => callback(null, { count: 0 }),
      },
      this.options,
    );
    this.port = await new Promise((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      this.server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    afterTest(() => this.server.forceShutdown());
    return this;
  }

  /** What a transaction did, perhaps nothing. */
  of(gid: string): Account {
    const known = this.accounts.get(gid) ?? new Account(new Ledger(this.options.barrier === true));
    this.accounts.set(gid, known);
    return known;
  }

  private async handle(ctx: CallContext): Promise<void> {
    const key = `${ctx.phase} ${ctx.branchId}`;
    const account = this.of(ctx.gid);
    account.calls.push(key);
    account.attempts.push(ctx.attempt);
    await this.before.get(key)?.(ctx);
    account.ledger.enter(ctx);
    await this.after.get(key)?.(ctx);
  }
}
