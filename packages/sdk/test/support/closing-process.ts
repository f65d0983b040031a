/**
 * A process that runs transactions and closes its client each time. `argv`: coordinator, participant, and the
 * scenarios to run. It prints what keeps it alive after each `close`, and never calls `process.exit`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Tercet, createTercet } from '@tercet/sdk';
import { shop } from './scenario';

const [coordinator = '', participant = '', ...names] = process.argv.slice(2);

function buy(tercet: Tercet, sku: string, signal?: AbortSignal): Promise<unknown> {
  const options = { name: 'checkout', timeout: '20s', ...(signal && { signal }) } as const;
  return tercet.run(options, (tx) =>
    tx.use(shop, { target: participant }).reserve({ sku, quantity: 1 }),
  );
}

/** How each scenario ends; undefined = it committed. */
const scenarios: Readonly<Record<string, (tercet: Tercet) => Promise<unknown>>> = {
  committed: (tercet) => buy(tercet, 'tea'),
  refused: (tercet) => buy(tercet, 'sold-out'),
  aborted: (tercet) => buy(tercet, 'hang', AbortSignal.timeout(100)),
  closed: async (tercet) => {
    const run = buy(tercet, 'hang');
    await sleep(100);
    await Promise.all([tercet.close(), run]);
  },
  waiting: async (tercet) => {
    const wait = tercet.wait('order-1', { for: 'settled', timeout: '1h' });
    await sleep(100);
    await Promise.all([tercet.close(), wait]);
  },
};

/** What keeps the process alive and did not before. */
function added(before: readonly string[]): readonly string[] {
  return before.reduce<string[]>((left, each) => {
    const at = left.indexOf(each);
    return at === -1 ? left : left.toSpliced(at, 1);
  }, process.getActiveResourcesInfo());
}

/** Timers that are left at once, and whatever is left when the operating system had time to close connections. */
async function leftOver(before: readonly string[]): Promise<readonly string[]> {
  const timers = added(before).filter((each) => each === 'Timeout');
  for (let turn = 0; turn < 200 && added(before).length > 0; turn++) await sleep(10);
  return [...timers, ...added(before)];
}

async function main(): Promise<void> {
  const before = process.getActiveResourcesInfo();
  for (const name of names) {
    const tercet = createTercet({
      coordinator: name === 'away' ? '127.0.0.1:1' : coordinator,
      interceptors: [{ run: (_info, next) => next(), try: (_call, next) => next() }],
    });
    const work = scenarios[name] ?? scenarios['aborted'];
    const end = await work?.(tercet).then(
      () => 'ok',
      (error: unknown) => (error as { code?: unknown }).code,
    );
    await tercet.close();
    process.stdout.write(`${JSON.stringify({ name, end, left: await leftOver(before) })}\n`);
  }
}

void main();
