/** A test coordinator that runs: what tests call, put together from its parts. */
import type { Coordinator, MemoryStore } from '@tercet/coordinator';
import type { Clock, Scheduler } from '@tercet/core';
import {
  type AddTccOptions,
  ConfigError,
  type Definitions,
  type Duration,
  type TccHandlers,
  type Tercet,
  type TransactionView,
  addTcc,
  currentTransaction,
} from '@tercet/sdk';
import { handlerKey } from './calls/exchange';
import type { Wire } from './calls/outgoing-call';
import type { Faults } from './faults/fault-script';
import type { History, RecordedCall } from './history';
import type { ClientOptions, TestClients } from './initiator/test-client';
import { runKey } from './initiator/watched-run';
import { type AllowedLeaks, leakError, leaksOf } from './leaks';
import { durationMs, refuseUnknown } from './options';
import type { ExpectSettledOptions, Settlement } from './outcome/settlement';
import type { HandlersUnderWay } from './participants/handlers-under-way';
import { type ServedParticipant, type ServingDeps, serveParticipant } from './participants/served';
import type { ServeOptions, TestCoordinator } from './test-coordinator';
import type { Flow } from './time/flow';
import type { UnderWay } from './time/under-way';
import type { VirtualTime } from './time/virtual-time';

/** Its parts. */
export interface Parts {
  readonly address: string;
  readonly clock: Clock;
  readonly time: VirtualTime;
  readonly flow: Flow;
  readonly underWay: UnderWay;
  readonly faults: Faults;
  readonly history: History;
  readonly coordinator: Coordinator;
  readonly store: MemoryStore;
  readonly clients: TestClients;
  readonly wire: Wire;
  readonly handlers: HandlersUnderWay;
  readonly settlement: Settlement;
  readonly serving: ServingDeps;
}

/** See {@link TestCoordinator}. */
export class RunningTestCoordinator implements TestCoordinator {
  readonly tercet: Tercet;
  readonly address: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  private readonly participants: ServedParticipant[] = [];
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {
    this.tercet = parts.clients.client();
    this.address = parts.address;
    this.clock = parts.clock;
    this.scheduler = parts.time;
    this.faults = parts.faults;
  }

  client(options: ClientOptions = {}): Tercet {
    this.checkOpen('client');
    refuseUnknown('client', options, ['interceptors', 'onWarning']);
    return this.parts.clients.client(options);
  }

  async serve<
    const D extends Definitions,
    Db = undefined,
    When extends NonNullable<AddTccOptions<Db>['cancelWhenTryUnknown']> = 'skip',
  >(
    definitions: D,
    handlers: TccHandlers<D, Db, When>,
    options: ServeOptions<Db, When> = {},
  ): Promise<ServedParticipant> {
    this.checkOpen('serve');
    const { port = 0, ...given } = options;
    refuseClock(given);
    const { serving, handlers: underWay } = this.parts;
    const added = {
      ...(given as AddTccOptions<Db, When>),
      clock: this.clock,
      scheduler: this.scheduler,
      deliver: false,
      interceptors: [...(given.interceptors ?? []), underWay],
    };
    const participant = await serveParticipant(serving, port, (server) =>
      addTcc<D, Db, When>(server, definitions, handlers, added),
    );
    this.participants.push(participant);
    return participant;
  }

  async advance(by: Duration): Promise<void> {
    this.checkOpen('advance');
    await this.parts.flow.advance(durationMs('advance', by));
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    this.checkOpen('until');
    return this.parts.flow.until('until', promise);
  }

  async sleep(duration: Duration): Promise<void> {
    const ms = durationMs('sleep', duration);
    const { underWay, time } = this.parts;
    const scope = currentTransaction();
    const sleepers = scope === undefined ? undefined : underWay.sleepers(keyOf(scope));
    sleepers?.sleep();
    await new Promise<void>((resolve) => void time.after(ms, resolve));
    sleepers?.wake();
  }

  async expectSettled(gid: string, options: ExpectSettledOptions = {}): Promise<TransactionView> {
    this.checkOpen('expectSettled');
    return this.parts.settlement.expect(gid, options);
  }

  history(gid: string): readonly RecordedCall[] {
    return this.parts.history.of(gid);
  }

  async expectNoLeaks(allow: AllowedLeaks = {}): Promise<void> {
    this.checkOpen('expectNoLeaks');
    await this.parts.flow.settle();
    const leaks = await leaksOf(this.parts, allow);
    if (leaks.length > 0) throw leakError(leaks);
  }

  close(options: { readonly allow?: AllowedLeaks } = {}): Promise<void> {
    this.closing ??= this.end(options.allow ?? {});
    return this.closing;
  }

  private async end(allow: AllowedLeaks): Promise<void> {
    const { flow, clients, coordinator, wire, time } = this.parts;
    await flow.settle();
    const leaks = [...(await leaksOf(this.parts, allow))];
    // Whatever hangs is let go: its callers stop waiting.
    this.faults.clear();
    await flow.windDown(clients.close());
    await flow.windDown(coordinator.stop());
    await flow.windDown(Promise.all(this.participants.map((each) => each.close())));
    wire.close();
    if (time.planned > 0) leaks.push(`timers still planned on env.scheduler: ${time.planned}`);
    time.clear();
    if (leaks.length > 0) throw leakError(leaks);
  }

  private checkOpen(what: string): void {
    if (this.closing === undefined) return;
    throw new ConfigError(
      `${what}: this test coordinator was closed; make a new one for each test`,
    );
  }
}

function refuseClock(given: object): void {
  for (const name of ['clock', 'scheduler', 'deliver']) {
    if (!(name in given)) continue;
    throw new ConfigError(
      `serve: ${name} is the test coordinator's; a participant on a clock of its own is one of your own server`,
      { option: name },
    );
  }
}

function keyOf(scope: NonNullable<ReturnType<typeof currentTransaction>>): string {
  const { runId, branchId, phase } = scope;
  return branchId === undefined ? runKey(runId) : handlerKey(runId, branchId, phase ?? 'try');
}
