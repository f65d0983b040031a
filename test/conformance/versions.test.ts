/**
 * Versions beside each other: an SDK that is older than its coordinator, coordinators that are older than the SDK, and a store
 * that holds rows of a version to come.
 */
import { Client, type ServiceError, credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Coordinator, type StoreSetting } from '@tercet/coordinator';
import { CoordinatorService, ErrorInfo, TransactionStatus } from '@tercet/proto';
import { aFolder, afterTest } from '../support/clean-up';
import { CallBalancer } from '../support/nodes/balancers';
import { aClient, pause, until } from '../support/nodes/fleet';
import { Orders } from '../support/nodes/orders';
import { StoredRows } from '../support/nodes/stored-rows';
import { describeWith, freshDatabase } from '../support/servers/describe-with';
import { aCoordinator, aParticipant } from '../support/shop';
import { tercetCommand } from '../support/tercet-command';
import { recordedGid, recordedMessage, rolledBackGid } from './recorded-messages';

jest.setTimeout(60_000);

const SESSION = '/tercet.v1.Coordinator/Session';
const TTL_MS = 1_000;

/** Sends what was recorded, as it is. */
class RecordedSdk {
  private readonly client: Client;

  constructor(
    port: number,
    private readonly target: string,
  ) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    afterTest(() => this.client.close());
  }

  /** The answer's bytes; rejects with grpc-js's error. */
  send(name: Parameters<typeof recordedMessage>[0]): Promise<Buffer> {
    const { method, bytes } = recordedMessage(name, this.target);
    const path = `/tercet.v1.Coordinator/${method}`;
    const raw = (value: Buffer): Buffer => value;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, raw, raw, bytes, (error, answer) => {
        if (answer !== undefined) resolve(answer);
        else reject(error ?? new Error('an answer without bytes'));
      });
    });
  }

  /** How it was refused; throws where it was answered. */
  async refusal(name: Parameters<typeof recordedMessage>[0]): Promise<unknown> {
    const error: unknown = await this.send(name).then(
      () => new Error(`${name} was answered`),
      (reason: unknown) => reason,
    );
    const { code, metadata } = error as ServiceError;
    const [info] = metadata?.get('tercet-error-bin') ?? [];
    if (!Buffer.isBuffer(info)) throw error;
    return { code, reason: ErrorInfo.decode(info).details['reason'] };
  }
}

const { registerBranches, commit, rollback, getTransaction, waitTransaction } = CoordinatorService;

describe('an SDK of the first contracts', () => {
  it('runs a transaction with the messages it always sent', async () => {
    const { port } = await aCoordinator(aFolder());
    const participant = await aParticipant();
    const old = new RecordedSdk(port, participant.target);
    const { TRANSACTION_STATUS_TRYING: trying, TRANSACTION_STATUS_CONFIRMED: confirmed } =
      TransactionStatus;
    for (const [name, branchId] of [
      ['first', '1'],
      ['second', '2'],
    ] as const) {
      const answer = registerBranches.responseDeserialize(await old.send(name));
      expect(answer).toMatchObject({ status: trying, branches: [{ branchId }] });
    }
    const committed = commit.responseDeserialize(await old.send('commit'));
    expect(committed).toMatchObject({ pending: [] });
    await until(async () => {
      const answer = await old.send('get');
      return getTransaction.responseDeserialize(answer).transaction?.status === confirmed;
    });
    expect([...participant.story].sort()).toEqual(['confirm charge', 'confirm reserve']);
    expect((await aClient(`127.0.0.1:${port}`).get(recordedGid)).labels).toEqual({ shop: 'one' });
  });

  it('is told that it does not know a gid, in its own words', async () => {
    const { port } = await aCoordinator(aFolder());
    const old = new RecordedSdk(port, (await aParticipant()).target);
    for (const name of ['rollback', 'wait'] as const) {
      await expect(old.send(name)).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
    expect(rollback.requestDeserialize(recordedMessage('rollback').bytes).gid).toBe(rolledBackGid);
    expect(waitTransaction.requestDeserialize(recordedMessage('wait').bytes)).toMatchObject({
      gid: rolledBackGid,
      withResult: false,
    });
  });
});

describe('coordinators that know no sessions', () => {
  it('are asked with unary calls', async () => {
    const { port } = await aCoordinator(aFolder());
    const address = `127.0.0.1:${port}`;
    const older = await new CallBalancer([address], { path: SESSION, to: [address] }).open();
    afterTest(() => older.close());
    const orders = await Orders.at(aClient(older.address));
    const gids = await orders.placeAll({ prefix: 'older', count: 10 });
    expect(orders.failed).toEqual(new Map());
    await orders.expectSettled(gids);
    expect(older.calls.some(({ path }) => path.endsWith('/Commit'))).toBe(true);
  });
});

describe.each(['mariadb', 'postgres'] as const)('a row of a newer format', (kind) => {
  describeWith(kind, (server) => {
    const running: Coordinator[] = [];
    afterEach(async () => {
      for (const coordinator of running.splice(0)) await coordinator.stop();
    });

    async function startOn(url: string): Promise<{ readonly node: Coordinator; port: number }> {
      const node = new Coordinator({
        config: {
          store: url as StoreSetting,
          unsafeStore: true,
          nodeTtlMs: TTL_MS,
          grpcAddress: '127.0.0.1:0',
          httpAddress: 'off',
          shutdownGraceMs: 2_000,
        },
      });
      running.push(node);
      return { node, port: (await node.start()).grpcPort };
    }

    it('is claimed by nobody and answered by nobody, and everything else goes on', async () => {
      const { url } = await freshDatabase(server);
      const rows = await StoredRows.open(url);
      const first = await startOn(url);
      const orders = await Orders.at(aClient(`127.0.0.1:${first.port}`));
      const before = new RecordedSdk(first.port, orders.participant.target);
      await before.send('first');
      await orders.placeHeld('usual');
      await first.node.stop();
      await rows.setFormat(recordedGid, 2);
      const written = await rows.transaction(recordedGid);

      const { port } = await startOn(url);
      const old = new RecordedSdk(port, orders.participant.target);
      const unavailable = { code: status.UNAVAILABLE, reason: 'newer_format' };
      for (const name of ['get', 'first', 'second', 'commit'] as const) {
        expect([name, await old.refusal(name)]).toEqual([name, unavailable]);
      }
      expect(await tercetCommand(port, 'retry', recordedGid, '--timeout', '1s')).toMatchObject({
        exitCode: 6,
      });
      orders.refusing.clear();
      const client = aClient(`127.0.0.1:${port}`);
      await orders.place('as-ever', client);
      await orders.expectSettled(['usual', 'as-ever'], client);
      expect(await tercetCommand(port, 'stuck')).toMatchObject({ exitCode: 0 });
      expect(await tercetCommand(port, 'tx', 'list')).toMatchObject({ exitCode: 0 });
      await pause(2 * TTL_MS);
      expect(await rows.transaction(recordedGid)).toEqual(written);

      // Whoever knows the format goes on with it.
      await rows.setFormat(recordedGid, 1);
      await old.send('second');
      await old.send('commit');
      expect((await client.wait(recordedGid, { for: 'settled' })).status).toBe('confirmed');
    });
  });
});
