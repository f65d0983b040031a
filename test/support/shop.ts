/** A whole shop on loopback: a coordinator on SQLite, a participant made with addTcc, an initiator. All real gRPC. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Coordinator } from '@tercet/coordinator';
import {
  type AddTccOptions,
  type CallContext,
  type Tercet,
  addTcc,
  createTercet,
  defineTcc,
} from '@tercet/sdk';
import {
  type ChargeRequest,
  type ReserveRequest,
  ShopTccService,
  // eslint-disable-next-line import-x/no-relative-packages -- the SDK's own test service, no part of what it exports
} from '../../packages/sdk/test/support/shop-service';
import { aFolder, afterTest } from './clean-up';

/** The actions of all integration tests; short delays, so that retries are seen soon. */
export const shop = defineTcc(
  ShopTccService,
  {
    reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
    charge: { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' },
  },
  {
    deadlines: { try: '2s', confirm: '2s', cancel: '2s' },
    retry: { firstDelay: '20ms', maxDelay: '100ms' },
    barrier: true,
  },
);

/** What a test may do in the place of a handler. */
export type Hook = (request: unknown, ctx: CallContext) => Promise<void> | void;

/** A participant that records every call, and does what a test says. */
export class Participant {
  /** `try reserve`, `confirm charge`, … in the order of arrival. */
  readonly story: string[] = [];
  /** By `phase action`: runs before the answer; what it throws is the answer. */
  readonly hooks = new Map<string, Hook>();
  private server: Server | undefined;
  port = 0;

  constructor(private readonly options: AddTccOptions = {}) {}

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = new Server();
    const handle =
      (phase: string, action: string) => async (request: unknown, ctx: CallContext) => {
        this.story.push(`${phase} ${action}`);
        await this.hooks.get(`${phase} ${action}`)?.(request, ctx);
      };
    const reserve = async (
      request: ReserveRequest,
      ctx: CallContext,
    ): Promise<{ reservationId: string }> => {
      await handle('try', 'reserve')(request, ctx);
      return { reservationId: `${request.sku}-${ctx.branchId}` };
    };
    const charge = async (
      request: ChargeRequest,
      ctx: CallContext,
    ): Promise<{ chargeId: string; balance: number }> => {
      await handle('try', 'charge')(request, ctx);
      return { chargeId: `${request.account}-${ctx.branchId}`, balance: 100 - request.cents };
    };
    addTcc(
      this.server,
      shop,
      {
        reserve: {
          try: reserve,
          confirm: handle('confirm', 'reserve'),
          cancel: handle('cancel', 'reserve'),
        },
        charge: {
          try: charge,
          confirm: handle('confirm', 'charge'),
          cancel: handle('cancel', 'charge'),
        },
        count: (_, callback) => callback(null, { count: this.story.length }),
      },
      { barrier: true, ...this.options },
    );
    const { server } = this;
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        `127.0.0.1:${this.port}`,
        ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        },
      );
    });
  }

  stop(): void {
    this.server?.forceShutdown();
  }
}

/** Starts a coordinator on the given folder; ends it after the test. */
export async function aCoordinator(
  dataDir: string,
  grpcPort = 0,
): Promise<{ readonly coordinator: Coordinator; readonly port: number; readonly resumed: number }> {
  const coordinator = new Coordinator({
    config: {
      grpcAddress: `127.0.0.1:${grpcPort}`,
      httpAddress: 'off',
      dataDir,
      shutdownGraceMs: 2_000,
    },
  });
  const { grpcPort: port, resumed } = await coordinator.start();
  afterTest(() => coordinator.stop());
  return { coordinator, port, resumed };
}

/** An initiator of the coordinator at `port`; closed after the test. */
export function anInitiator(port: number): Tercet {
  const tercet = createTercet({ coordinator: `127.0.0.1:${port}` });
  afterTest(() => tercet.close());
  return tercet;
}

/** A participant on a free port; stopped after the test. */
export async function aParticipant(options: AddTccOptions = {}): Promise<Participant> {
  const participant = new Participant(options);
  await participant.start();
  afterTest(() => participant.stop());
  return participant;
}

/** Everything together. */
export interface Shop {
  readonly dataDir: string;
  readonly coordinator: Coordinator;
  readonly port: number;
  readonly participant: Participant;
  readonly tercet: Tercet;
}

/** A shop with one participant. */
export async function aShop(): Promise<Shop> {
  const dataDir = aFolder();
  const { coordinator, port } = await aCoordinator(dataDir);
  const participant = await aParticipant();
  return { dataDir, coordinator, port, participant, tercet: anInitiator(port) };
}
