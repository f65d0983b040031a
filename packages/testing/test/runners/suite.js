/**
 * A small suite in plain JavaScript, the same under every test runner. It stands in a folder of its own with installed
 * packages; a file beside it registers it with the runner's `test`.
 */
const assert = require('node:assert/strict');
const { status } = require('@grpc/grpc-js');
const { defineTcc } = require('@tercet/sdk');
const { createTestCoordinator } = require('@tercet/testing');

const message = {
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes) => JSON.parse(bytes.toString()),
  responseSerialize: (value) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes) => (bytes.length === 0 ? {} : JSON.parse(bytes.toString())),
};
const service = {
  reserveTry: { path: '/shop.StockTcc/ReserveTry', ...message },
  reserveConfirm: { path: '/shop.StockTcc/ReserveConfirm', ...message },
  reserveCancel: { path: '/shop.StockTcc/ReserveCancel', ...message },
};
const stock = defineTcc(service, {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
});

/** Registers the suite. */
module.exports = (test) => {
  for (const inProcess of [false, true]) {
    test(`confirms after minutes of virtual retries, inProcess: ${inProcess}`, async () => {
      const env = await createTestCoordinator({ inProcess });
      const story = [];
      const note = (_request, ctx) => {
        story.push(ctx.phase);
        return { reservationId: 'r1' };
      };
      const { target } = await env.serve(stock, {
        reserve: { try: note, confirm: note, cancel: note },
      });
      env.faults.on(stock, 'reserve', 'confirm').failTimes(8, status.UNAVAILABLE);
      const run = env.tercet.run({ name: 'buy', gid: 'a' }, (tx) =>
        tx.use(stock, { target }).reserve({ sku: 'book' }),
      );
      await env.advance('10m');
      assert.equal((await run).value.reservationId, 'r1');
      await env.expectSettled('a', { status: 'confirmed' });
      assert.deepEqual(story, ['try', 'confirm']);
      await env.close();
    });
  }

  test('loads no native addon of Tercet’s', () => {
    const { sharedObjects } = process.report.getReport();
    assert.equal(
      sharedObjects.filter((file) => /sqlite|mysql|tercet.*\.node$/.test(file)).join(),
      '',
    );
  });
};
