import { expect } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { Scheduler } from '@tercet/core';
import { Fact, type RegisterBranchesRequest } from '@tercet/proto';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { afterTest } from '../../../../../test/support/clean-up';
import type { StoreSetting } from '../../../src/config/store-setting';
import { Coordinator } from '../../../src/coordinator';
import { storeOf } from '../../../src/store-of';
import { CoordinatorClient, refusalOf } from '../coordinator-client';
import { eventually } from '../eventually';
import { branch, commit, registration } from '../grpc-world';
import { HealthClient } from '../health-client';
import { ScriptedCaller } from '../scripted-caller';

/** A store's longest waits, for servers that say nothing, cut short. */
const hurried: Scheduler = {
  ...systemScheduler,
  after: (ms, work) => systemScheduler.after(ms >= 5_000 ? ms / 10 : ms, work),
};

let lives = 0;

/** A coordinator on the store behind a proxy, with a client and a scripted participant. */
export class Site {
  readonly caller = new ScriptedCaller();
  readonly name = `trouble-${++lives}`;
  client!: CoordinatorClient;
  private health!: HealthClient;
  private httpPort = 0;

  static async on(url: string, nodeTtlMs: number): Promise<Site> {
    const site = new Site();
    const config = {
      grpcAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      store: url as StoreSetting,
      dataDir: '',
      unsafeStore: true,
      nodeTtlMs,
      shutdownGraceMs: 2_000,
    };
    const ports = { clock: systemClock, scheduler: hurried, random: systemRandom };
    const store = storeOf(config, ports);
    const coordinator = new Coordinator({ config, caller: site.caller, store });
    afterTest(() => coordinator.stop());
    const { grpcPort, httpPort = 0 } = await coordinator.start();
    const address = `127.0.0.1:${grpcPort}`;
    site.client = new CoordinatorClient(address);
    site.health = new HealthClient(address);
    site.httpPort = httpPort;
    afterTest(() => site.client.close());
    afterTest(() => site.health.close());
    return site;
  }

  gid(order: string): string {
    return `${this.name}-${order}`;
  }

  /** Opens an order of one branch. */
  async register(order: string, branchId: string): Promise<void> {
    await this.client.call('registerBranches', this.registration(order, branchId));
  }

  registration(order: string, branchId: string): RegisterBranchesRequest {
    return registration({ gid: this.gid(order), branches: [branch({ branchId })] });
  }

  /** Commits as the SDK does: again and again until it is acknowledged. */
  async commit(order: string, branchId: string): Promise<void> {
    const request = { ...commit, gid: this.gid(order), branchIds: [branchId], waitMs: 0 };
    for (;;) {
      const answer = await this.client.call('commit', request).catch((error: unknown) => error);
      if (!(answer instanceof Error)) return;
      const { status: code } = await refusalOf(Promise.reject(answer));
      if (code !== Number(status.UNAVAILABLE)) throw answer;
      await new Promise<void>((resolve) => systemScheduler.after(50, resolve));
    }
  }

  /** Resolves when it has settled. */
  async ended(order: string): Promise<unknown> {
    const request = { gid: this.gid(order), waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
    const { transaction } = await this.client.call('waitTransaction', {
      ...request,
      withResult: false,
    });
    return transaction?.status;
  }

  async healthIs(wanted: 'SERVING' | 'NOT_SERVING'): Promise<void> {
    await eventually(async () => expect(await this.health.check('')).toBe(wanted), 10_000);
  }

  async ready(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/readyz`);
    return await response.text();
  }

  /** What was called for an order: what is left of another one's test may be called here. */
  calls(order: string): string[] {
    const calls = this.caller.calls.filter(({ context }) => context.gid === this.gid(order));
    return calls.map(({ context }) => `${context.phase} ${context.branchId}`);
  }
}
