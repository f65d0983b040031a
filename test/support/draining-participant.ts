/**
 * A participant in a process of its own, as docs/sdk.md shows it: it drains at SIGTERM, and then ends because nothing
 * holds it. It calls no `process.exit`.
 *
 * Arguments: address of the coordinator, target of the bank. Prints one line for each thing that happens.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { addTcc, createTercet, defineTcc } from '@tercet/sdk';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own test service, no part of what it exports
import { ShopTccService } from '../../packages/sdk/test/support/shop-service';

const agency = defineTcc(ShopTccService, {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
});
const bank = defineTcc(
  ShopTccService,
  { charge: { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } },
  { deadlines: { try: '15s' }, barrier: true },
);
const ordinary = (_call: unknown, callback: (error: Error) => void): void =>
  callback(new Error('not offered here'));

const [coordinator = '', target = ''] = process.argv.slice(2);
const tell = (line: string): void => void process.stdout.write(`${line}\n`);

const tercet = createTercet({ coordinator });
const server = new Server();
const service = addTcc(
  server,
  agency,
  {
    reserve: {
      async try({ sku }, ctx) {
        tell('try');
        const paid = await ctx.use(bank, { target }).charge({ account: 'ann', cents: 30 });
        tell('try ends');
        return { reservationId: `${sku} ${paid.chargeId}` };
      },
      confirm: () => tell('confirm'),
      cancel: () => tell('cancel'),
    },
    chargeTry: ordinary,
    chargeConfirm: ordinary,
    chargeCancel: ordinary,
    count: ordinary,
  },
  { tercet },
);

server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, port) =>
  tell(`listening ${port}`),
);

async function stop(): Promise<void> {
  const drained = service.drain();
  tell('draining');
  await drained;
  tell('drained');
  server.forceShutdown();
  await tercet.close();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
  tell(`timers ${timers.length}`);
}

// Node says so when nothing is left to wait for.
process.once('beforeExit', () => {
  const left = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap');
  tell(`left ${left.join()}`);
});
process.once('SIGTERM', () => void stop());
