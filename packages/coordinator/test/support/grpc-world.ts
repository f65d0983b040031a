/** A coordinator behind real gRPC, and the requests that a client sends it. */
import { afterEach } from '@jest/globals';
import {
  type Branch,
  BranchStatus,
  Fact,
  PhaseOneStatus,
  type RegisterBranchesRequest,
  StuckReason,
} from '@tercet/proto';
import { Coordinator } from '../../src/coordinator';
import { MemoryStore } from '../../src/store/memory-store';
import { FaultyStore } from '../../src/testing/faulty-store';
import { CoordinatorClient } from './coordinator-client';
import { RecordingLogger } from './recording-logger';
import { ScriptedCaller } from './scripted-caller';
import { SessionClient } from './session-client';
import { ShiftedClock } from './shifted-clock';

/** The transaction of all requests. */
export const gid = 'order-1';
/** The run of all requests. */
export const run = '0123456789abcdef0123456789abcdef';

/** A coordinator on a memory store that can be made to fail, with scripted participants. */
export class World {
  readonly caller = new ScriptedCaller();
  readonly logger = new RecordingLogger();
  readonly store = new FaultyStore(new MemoryStore());
  readonly clock = new ShiftedClock();
  readonly coordinator = new Coordinator({
    config: {
      grpcAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      store: 'memory',
      // A stop waits for running calls; those that a test holds open never end.
      shutdownGraceMs: 1_000,
    },
    caller: this.caller,
    clock: this.clock,
    logger: this.logger,
    store: this.store,
  });
  client!: CoordinatorClient;
  httpPort = 0;
  grpcPort = 0;
  private readonly cleanUps: (() => Promise<void> | void)[] = [];

  /** Where gRPC is served. */
  get address(): string {
    return `127.0.0.1:${this.grpcPort}`;
  }

  /** Starts the coordinator and connects a client. */
  async start(): Promise<void> {
    this.onEnd(() => this.coordinator.stop());
    const { grpcPort, httpPort } = await this.coordinator.start();
    this.grpcPort = grpcPort;
    this.httpPort = httpPort ?? 0;
    this.client = new CoordinatorClient(this.address);
    this.onEnd(() => this.client.close());
  }

  /** Opens a session; cut after the test. */
  session(address = this.address): SessionClient {
    const session = new SessionClient(address);
    this.onEnd(() => session.close());
    return session;
  }

  /** Has something done after the test; what was asked for last is done first. */
  onEnd(cleanUp: () => Promise<void> | void): void {
    this.cleanUps.push(cleanUp);
  }

  /** Does what {@link onEnd} was asked for. */
  async end(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).reverse()) await cleanUp();
  }
}

/** Gives out started worlds and ends them all after each test. */
export function useWorlds(): () => Promise<World> {
  const worlds: World[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.end();
  });
  return async () => {
    const world = new World();
    worlds.push(world);
    await world.start();
    return world;
  };
}

/** A branch as a client registers it: nothing set that has a default. */
export function branch(over: Partial<Branch> = {}): Branch {
  return {
    branchId: '1',
    action: 'reserve',
    mode: 0,
    driver: 0,
    dialect: 0,
    target: '127.0.0.1:1',
    forwardMethod: '/shop.StockTcc/ReserveTry',
    confirmMethod: '/shop.StockTcc/ReserveConfirm',
    cancelMethod: '/shop.StockTcc/ReserveCancel',
    payload: Buffer.from([0, 255]),
    after: [],
    barrier: false,
    parkPermanentErrors: false,
    ...over,
  };
}

/** Opens the transaction with one branch. */
export function registration(over: Partial<RegisterBranchesRequest> = {}): RegisterBranchesRequest {
  return {
    gid,
    runId: run,
    open: { name: 'checkout', labels: {} },
    branches: [branch()],
    ...over,
  };
}

/** Commits it and waits until it is executed. */
export const commit = {
  gid,
  runId: run,
  branchIds: ['1'],
  waitFor: Fact.FACT_EXECUTED,
  waitMs: 10_000,
};

/** Rolls it back without a wait, its Try done. */
export const rollback = {
  gid,
  runId: run,
  reason: '',
  tries: [{ branchId: '1', outcome: PhaseOneStatus.PHASE_ONE_STATUS_DONE }],
  waitFor: Fact.FACT_UNSPECIFIED,
  waitMs: 0,
};

/** Asks for it at once. */
export const wait = { gid, waitFor: Fact.FACT_DECIDED, waitMs: 0, withResult: false };

/** Asks for it as it is. */
export const get = { gid, withResult: false };

/** Has all its branches called, or let be called. */
export const allBranches = { gid, branchIds: [] };

/** Vouches for its branch. */
export const resolve = {
  gid,
  branchId: '1',
  as: BranchStatus.BRANCH_STATUS_CONFIRMED,
  reason: 'settled by hand',
  by: 'ann@ops',
};

/** Lists everything. */
export const list = { statuses: [], name: '', gidPrefix: '', cursor: '' };

/** Lists everything that is stuck. */
export const stuck = { service: '', action: '', reason: StuckReason.STUCK_REASON_UNSPECIFIED };
