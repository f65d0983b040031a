/** What happens in the demo, in order. Scenes wait for facts, not for times. */
import { setTimeout as pause } from 'node:timers/promises';
import { createTercet } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { exitText } from './programs';
import { showStuck } from './show-stuck';
import { type Stage, awayService } from './stage';

/** The coordinator stays dead for this long. */
const COORDINATOR_AWAY_MS = 1_000;

/** So many stuck branches, the oldest of this age, make a list worth showing. */
const STUCK_BRANCHES = 3;
const STUCK_AFTER_MS = 2_000;

/** Plays all scenes. Rejects when one of them does not come to its end. */
export async function playScenes(stage: Stage): Promise<void> {
  await everythingStarts(stage);
  let shown = 0;
  const ticker = setInterval(() => {
    // Nothing is said while nothing moves: the coordinator or a service is away.
    if (stage.facts.told.size > shown) sayProgress(stage);
    shown = stage.facts.told.size;
  }, 1_000);
  try {
    await coordinatorIsKilled(stage);
    await serviceIsAway(stage);
    await stage.until('the shop closes', () => !stage.world.initiator.running);
  } finally {
    clearInterval(ticker);
  }
  sayProgress(stage);
  await everythingSettles(stage);
  await everythingStops(stage);
}

async function everythingStarts({ world, facts, say }: Stage): Promise<void> {
  const programs = [world.coordinator, ...Object.values(world.services)];
  await Promise.all(programs.map((program) => program.start()));
  const { stock, wallet, shipping } = world.addresses;
  say(`coordinator at ${world.coordinatorAddress}`);
  say(`stock at ${stock}, wallet at ${wallet}, shipping at ${shipping}`);
  await world.initiator.start();
  say(`the shop opens: ${facts.orders.length} orders`);
}

/** In a bad moment: an order is decided, and a service that has not confirmed it yet has just died. */
async function coordinatorIsKilled(stage: Stage): Promise<void> {
  const { world, facts, say } = stage;
  await stage.until('a service dies in phase two', () => {
    return stage.happened('wallet', 'crash-before-confirm') || stage.progress > 0.45;
  });
  const exit = await world.coordinator.end('SIGKILL');
  facts.coordinatorKills++;
  say(`coordinator killed (${exitText(exit)}); the shop goes on asking`);
  await pause(COORDINATOR_AWAY_MS);
  await world.coordinator.start();
  say('coordinator is back, on the same port and with the same data');
}

/** A service stays away for longer than its definition's `stuckAfter`: that is for an operator to see. */
async function serviceIsAway(stage: Stage): Promise<void> {
  const { world, facts, say } = stage;
  const service = world.services[awayService];
  await stage.until('a service goes away', () => !service.running || stage.progress > 0.8);
  if (service.running) await service.end('SIGKILL');
  say(`${awayService} stays away; what is decided waits for it`);

  const operator = createOperatorClient({ address: world.coordinatorAddress });
  await stage.until('branches are stuck', async () => {
    const { total, now, branches } = await operator.stuck();
    return total >= STUCK_BRANCHES && now - (branches[0]?.decidedAt ?? now) > STUCK_AFTER_MS;
  });
  operator.close();
  say('what an operator sees now:');
  await stage.aside(async () => {
    facts.stuckBranches = await showStuck(world.coordinatorAddress);
  });

  await service.start();
  say(`${awayService} is back, with the database it left`);
}

async function everythingSettles({ world, facts, say }: Stage): Promise<void> {
  const tercet = createTercet({ coordinator: world.coordinatorAddress });
  try {
    for (const { id } of facts.orders) {
      facts.views.set(id, await tercet.wait(id, { for: 'settled', timeout: '20s' }));
    }
  } finally {
    await tercet.close();
  }
  say('every order is settled: nothing is left to do');
}

async function everythingStops({ world }: Stage): Promise<void> {
  const programs = [world.coordinator, ...Object.values(world.services)];
  await Promise.all(
    programs.map(async (program) => {
      const exit = await program.end('SIGTERM');
      if (exit.code !== 0) throw new Error(`${program.spec.name} did not stop: ${exitText(exit)}`);
    }),
  );
}

function sayProgress({ facts, say }: Stage): void {
  const told = [...facts.told.values()];
  const confirmed = told.filter((order) => order.told.startsWith('confirm')).length;
  const cancelled = told.filter((order) => order.told.startsWith('cancel')).length;
  const part = `${told.length} of ${facts.orders.length} orders`;
  say(`${part}: ${confirmed} confirmed, ${cancelled} cancelled`);
}
