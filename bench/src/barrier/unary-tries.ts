/** Whole Tries as unary calls on loopback: one participant keeps the barrier, the other begins and commits by itself. */
import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  credentials,
} from '@grpc/grpc-js';
import { type Barrier, addTcc } from '@tercet/sdk';
import { randomBytes } from 'node:crypto';
import type { Pool, PoolConnection } from 'mysql2/promise';
import { BenchService, type ReserveReply, bench, reservation } from '../bench-service';
import { type LocalTransaction, plain, withdraw } from './local-transactions';

const reply: ReserveReply = { reservationId: 'reservation-1' };

/** Two participants, and a client of each. */
export interface UnaryTries {
  readonly guarded: LocalTransaction;
  readonly plain: LocalTransaction;
  readonly close: () => void;
}

interface Given {
  readonly pool: Pool;
  readonly barrier: Barrier<Pick<PoolConnection, 'execute'>>;
  readonly account: () => number;
}

/** Starts both participants. */
export async function startUnaryTries({ pool, barrier, account }: Given): Promise<UnaryTries> {
  const none = { confirm: () => {}, cancel: () => {} };
  const guarded = new Server();
  const service = addTcc(
    guarded,
    bench,
    {
      reserve: {
        async try(_request, { db }) {
          await withdraw(db, account());
          return reply;
        },
        ...none,
      },
    },
    { barrier },
  );
  await service.ready();
  const bare = new Server();
  const withdrawAlone = plain(pool, account);
  addTcc(bare, bench, {
    reserve: {
      async try() {
        await withdrawAlone();
        return reply;
      },
      ...none,
    },
  });
  const clients = await Promise.all([guarded, bare].map(connected));
  const [toGuarded, toBare] = clients as [Client, Client];
  return {
    guarded: () => callTry(toGuarded),
    plain: () => callTry(toBare),
    close: () => {
      for (const client of clients) client.close();
      for (const server of [guarded, bare]) server.forceShutdown();
    },
  };
}

function connected(server: Server): Promise<Client> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
      else reject(error);
    });
  });
}

const TRY_MS = 10_000;

/** What the SDK of an initiator sends, each Try of another transaction. */
function callTry(client: Client): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = BenchService.reserveTry;
  const metadata = new Metadata();
  const runId = randomBytes(16).toString('hex');
  const deadline = Date.now() + TRY_MS;
  metadata.set('tercet-gid', `order-${runId}`);
  metadata.set('tercet-run-id', runId);
  metadata.set('tercet-branch-id', '1');
  metadata.set('tercet-action', 'reserve');
  metadata.set('tercet-phase', 'try');
  metadata.set('tercet-attempt', '1');
  metadata.set('tercet-not-after', String(deadline));
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null): void => (error === null ? resolve() : reject(error));
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      reservation,
      metadata,
      { deadline },
      done,
    );
  });
}
