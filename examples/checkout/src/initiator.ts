/** The shop: runs the orders of orders.json, up to 16 at a time, and prints how each one ended. */
import { setTimeout as pause } from 'node:timers/promises';
import { createTercet } from '@tercet/sdk';
import { tell } from './messages';
import { readOptions } from './options';
import { type Targets, settleOrder } from './place-order';
import { loadOrders } from './shop';

/** Most orders under way. */
const CONCURRENCY = 16;

/** A new customer comes this often, milliseconds. */
const ARRIVAL_MS = 30;

/** Orders wait this long after a service could not be reached: what is down now will be down a moment later. */
const HOLD_MS = 800;

const USAGE =
  'initiator.js [--coordinator ADDRESS] [--stock ADDRESS] [--wallet ADDRESS] [--shipping ADDRESS]';

async function main(): Promise<void> {
  const { coordinator, targets } = addresses();
  const tercet = createTercet({ coordinator });
  const underWay = new Set<Promise<void>>();
  let holdUntil = 0;

  for (const order of loadOrders()) {
    while (underWay.size >= CONCURRENCY) await Promise.race(underWay);
    await pause(Math.max(ARRIVAL_MS, holdUntil - Date.now()));
    const work = settleOrder(tercet, order, targets).then((result) => {
      if (result.reason.endsWith('unreachable')) holdUntil = Date.now() + HOLD_MS;
      tell(result);
      underWay.delete(work);
    });
    underWay.add(work);
  }
  await Promise.all(underWay);
  await tercet.close();
}

function addresses(): { readonly coordinator: string; readonly targets: Targets } {
  const { coordinator, ...targets } = readOptions(USAGE, {
    coordinator: { type: 'string', default: '127.0.0.1:8420' },
    stock: { type: 'string', default: '127.0.0.1:50051' },
    wallet: { type: 'string', default: '127.0.0.1:50052' },
    shipping: { type: 'string', default: '127.0.0.1:50053' },
  });
  return { coordinator, targets };
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
