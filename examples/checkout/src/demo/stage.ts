/** The demo as it runs: its programs, what they told so far, and what went wrong. */
import { setTimeout as pause } from 'node:timers/promises';
import type { TransactionView } from '@tercet/sdk';
import type { ServiceName } from '../definitions';
import type { OrderMessage, ParticipantMessage } from '../messages';
import { type FaultKind, type Order, loadOrders } from '../shop';
import { type Exit, exitText } from './programs';
import { type Listener, type World, prepareWorld } from './world';

/** What happened, for the table and the checks. */
export interface Facts {
  readonly orders: readonly Order[];
  /** What the shop was told, by gid. */
  readonly told: Map<string, OrderMessage>;
  /** What the coordinator says in the end, by gid. */
  readonly views: Map<string, TransactionView>;
  coordinatorKills: number;
  /** Unfinished transactions that the killed coordinator found when it came back. */
  resumed: number;
  /** Branches that `tercet stuck` listed while a service was away. */
  stuckBranches: number;
  readonly troubles: { readonly service: ServiceName; readonly kind: FaultKind }[];
  readonly lateTries: string[];
}

/** This service is not started again at once: its absence is a scene of its own. */
export const awayService: ServiceName = 'shipping';

/** A service that died is started again after this time, as an orchestrator would. */
const RESTART_MS = 300;

/** Longest time for anything that a scene waits for. */
const PATIENCE_MS = 30_000;

/** Holds everything that scenes share. */
export class Stage implements Listener {
  readonly facts: Facts = {
    orders: loadOrders(),
    told: new Map(),
    views: new Map(),
    coordinatorKills: 0,
    resumed: 0,
    stuckBranches: 0,
    troubles: [],
    lateTries: [],
  };
  private worldOrNone: World | undefined;
  private failure: Error | undefined;
  private heldLines: string[] | undefined;

  /** `print` shows a line to the person who watches. */
  constructor(private readonly print: (line: string) => void) {}

  /** Shows a line to the person who watches. */
  readonly say = (line: string): void => {
    if (this.heldLines === undefined) this.print(line);
    else this.heldLines.push(line);
  };

  /** Keeps all lines back while `work` has the terminal for itself. */
  async aside(work: () => Promise<void>): Promise<void> {
    this.heldLines = [];
    try {
      await work();
    } finally {
      const lines = this.heldLines;
      this.heldLines = undefined;
      for (const line of lines) this.print(line);
    }
  }

  /** The programs. */
  get world(): World {
    if (this.worldOrNone === undefined) throw new Error('prepare() comes first');
    return this.worldOrNone;
  }

  /** Whether there is a world already. */
  get isPrepared(): boolean {
    return this.worldOrNone !== undefined;
  }

  /** Chooses ports and a folder; starts nothing. */
  async prepare(): Promise<void> {
    this.worldOrNone = await prepareWorld(this);
  }

  /** How much of the day is over: the part of the orders that the shop has an answer for. */
  get progress(): number {
    return this.facts.told.size / this.facts.orders.length;
  }

  /** Resolves when `holds` does. Rejects when a program failed, or when it takes too long. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const patience = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (this.failure !== undefined) throw this.failure;
      if (Date.now() > patience)
        throw new Error(`waited ${PATIENCE_MS / 1_000} s in vain: ${what}`);
      await pause(20);
    }
  }

  /** Whether a trouble of this kind happened at a service. */
  happened(service: ServiceName, kind: FaultKind): boolean {
    return this.facts.troubles.some((one) => one.service === service && one.kind === kind);
  }

  onOrder(message: OrderMessage): void {
    this.facts.told.set(message.gid, message);
  }

  onCoordinatorLine(line: string): void {
    const resumed = /resumed (\d+) unfinished/.exec(line)?.[1];
    if (resumed === undefined) return;
    this.facts.resumed += Number(resumed);
    this.say(`the coordinator found ${resumed} unfinished transactions and goes on with them`);
  }

  onParticipant(service: ServiceName, message: ParticipantMessage): void {
    if (message.event === 'late-try') this.facts.lateTries.push(message.gid);
    if (message.event !== 'fault') return;
    this.facts.troubles.push({ service, kind: message.kind });
    this.say(troubleText(service, message.kind, message.gid));
  }

  onCrash(name: string, exit: Exit): void {
    if (name === 'initiator' && exit.code === 0) return;
    const service = Object.values(this.world.services).find(({ spec }) => spec.name === name);
    if (service === undefined || exit.signal !== 'SIGKILL') {
      this.failure ??= new Error(`${name} ended: ${exitText(exit)}`);
    } else if (name !== awayService) {
      void this.startAgain(name as ServiceName);
    }
  }

  private async startAgain(name: ServiceName): Promise<void> {
    await pause(RESTART_MS);
    try {
      await this.world.services[name].start();
      this.say(`${name} is back, with the database it left`);
    } catch (error) {
      this.failure ??= error instanceof Error ? error : new Error(String(error));
    }
  }
}

function troubleText(service: ServiceName, kind: FaultKind, gid: string): string {
  switch (kind) {
    case 'slow':
      return `${service} hangs in the Try of ${gid}`;
    case 'crash-after-try':
      return `${service} dies (SIGKILL) after the Try of ${gid} is durable, before it is answered`;
    case 'crash-before-confirm':
      return `${service} dies (SIGKILL) when it is asked to confirm ${gid}`;
  }
}
