/**
 * A coordinator's process that is killed between two facts: after it told `executed`, before that was durable. What
 * it had told as decided holds; the rest happens once more, and nobody notices.
 */
import { describe, expect, it, jest } from '@jest/globals';
import { createTercet } from '@tercet/sdk';
import { aFolder, afterTest } from '../support/clean-up';
import { holdStore } from '../support/held-store';
import { plain } from '../support/race/business';
import { Gate } from '../support/race/gate';
import { ServerProcess } from '../support/server-process';
import { aParticipant } from '../support/shop';

jest.setTimeout(60_000);

const gid = 'order-1';
const bill = { account: 'ann', cents: 30 };

describe('kill -9 after executed was told and before its completion is durable', () => {
  it('falls back to decided: the same Confirm comes again, then it is settled', async () => {
    const dataDir = aFolder();
    const participant = await aParticipant();
    const server = await ServerProcess.start(dataDir);
    const { address } = server;
    const tercet = createTercet({ coordinator: address });
    afterTest(() => tercet.close());
    const seen: unknown[] = [];
    const held = new Gate();
    afterTest(() => held.open());
    let giveBack: () => void = () => undefined;
    participant.hooks.set('confirm charge', async (request, ctx) => {
      seen.push([request, ctx.runId, ctx.branchId, ctx.attempt]);
      // The decision is durable, or nobody would call: from now on nothing else becomes so.
      if (seen.length === 1) giveBack = holdStore(dataDir);
      else await held.pass();
    });
    const run = await tercet.run({ name: 'buy', gid, phaseTwoWaitMs: 30_000 }, (tx) =>
      tx.use(plain, { target: participant.target }).charge(bill),
    );
    expect(run).toMatchObject({ status: 'confirmed', branches: [{ status: 'confirmed' }] });
    const told = await tercet.get(gid);
    expect(told).toMatchObject({ status: 'confirming', reached: 'executed' });
    await server.kill();
    giveBack();

    const next = await ServerProcess.start(dataDir, '--grpc-address', address);
    expect(next.lines).toContain('resumed 1 unfinished transaction');
    await held.reached;
    const now = await tercet.get(gid);
    expect(now).toMatchObject({ status: 'confirming', reached: 'decided', runId: told.runId });
    expect(now.decidedAt).toBe(told.decidedAt);
    held.open();
    const end = await tercet.wait(gid, { for: 'settled', timeout: '30s' });
    expect(end).toMatchObject({ status: 'confirmed', branches: [{ attempts: 1 }] });
    expect(seen).toEqual([
      [bill, told.runId, '1', 1],
      [bill, told.runId, '1', 1],
    ]);

    await next.kill();
    const last = await ServerProcess.start(dataDir, '--grpc-address', address);
    expect(last.lines.join()).not.toContain('resumed');
    expect(await tercet.get(gid)).toMatchObject({ status: 'confirmed', reached: 'settled' });
    expect(seen).toHaveLength(2);
  });
});
