/** Clients of the SDK on the virtual clock. */
import type { Random } from '@tercet/core';
import { type Tercet, type TercetOptions, createTercet } from '@tercet/sdk';
import { PhaseOneCaller } from '../calls/callers';
import type { Exchange } from '../calls/exchange';
import type { UnderWay } from '../time/under-way';
import type { VirtualTime } from '../time/virtual-time';
import { LocalTransport, type LocalTransportDeps } from './local-transport';
import type { StallWatch } from './stall-watch';
import { watchedCallback } from './watched-run';

/** What a client may bring: everything but what makes it one of this test coordinator. */
export type ClientOptions = Pick<TercetOptions, 'interceptors' | 'onWarning'>;

/** What clients need. */
export interface TestClientDeps {
  readonly coordinator: LocalTransportDeps['coordinator'];
  readonly time: VirtualTime;
  readonly random: Random;
  readonly exchange: Exchange;
  readonly underWay: UnderWay;
  readonly stalls: StallWatch;
}

/** Clients, and what is under way in them. */
export class TestClients {
  private readonly clients: Tercet[] = [];
  private readonly runs = new Set<string>();
  /** Commands that the coordinator has not answered. */
  private commands = 0;
  private started = 0;

  constructor(private readonly deps: TestClientDeps) {}

  /** Runs that have not ended, for people. */
  get names(): readonly string[] {
    return [...this.runs];
  }

  /** Makes one. */
  client(options: ClientOptions = {}): Tercet {
    const { coordinator, time, random, exchange } = this.deps;
    const onOpen = (by: 1 | -1): void => {
      this.commands += by;
    };
    const client = createTercet({
      ...options,
      clock: time,
      scheduler: time,
      random,
      transport: new LocalTransport({ coordinator, clock: time, scheduler: time, onOpen }),
      tryCaller: new PhaseOneCaller(exchange),
    });
    this.clients.push(client);
    return this.watched(client);
  }

  /** Closes all of them. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  /** The same object, so that `addTcc({ tercet })` knows it, with its waits watched. */
  private watched(client: Tercet): Tercet {
    const { underWay, stalls } = this.deps;
    const open = (): number => this.commands;
    const run = client.run.bind(client);
    const wait = client.wait.bind(client);
    const watchedRun: Tercet['run'] = (options, work) => {
      const name = `${options?.name} ${options?.gid ?? '(gid drawn)'} #${++this.started}`;
      this.runs.add(name);
      const running = run(options, watchedCallback(underWay, work));
      const forget = (): void => void this.runs.delete(name);
      running.then(forget, forget);
      return stalls.watch('env.tercet.run', running, open);
    };
    const watchedWait: Tercet['wait'] = (gid, options) =>
      stalls.watch('env.tercet.wait', wait(gid, options), open);
    return Object.assign(client, { run: watchedRun, wait: watchedWait });
  }
}
