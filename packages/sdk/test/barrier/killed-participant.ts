/** A participant that is killed while its Try runs: begins, works, says so, and waits for its end. */
import { createPool } from 'mysql2/promise';
import { mysql2Barrier } from '../../src/barrier/mysql2';
import type { BarrierCall } from '../../src/barrier/barrier';

const { POOL_URL = '', CALL = '{}', STATEMENT = '' } = process.env;

const call: BarrierCall = {
  ...(JSON.parse(CALL) as BarrierCall),
  givenUp: () => false,
  encodeReply: () => new Uint8Array(),
};

void mysql2Barrier(createPool(POOL_URL)).carryOut(call, async ({ db }) => {
  await db.query(STATEMENT);
  process.stdout.write('worked\n');
  return new Promise(() => undefined);
});
