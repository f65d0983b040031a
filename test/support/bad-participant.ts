/** A participant on MariaDB whose Try handlers a test writes, and a caller that sees what callers see. */
import {
  Client,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  credentials,
  status,
} from '@grpc/grpc-js';
import { type CallContext, type TccService, addTcc } from '@tercet/sdk';
import { type Mysql2Transaction, mysql2Barrier } from '@tercet/sdk/mysql2';
import type { Pool } from 'mysql2/promise';
import { randomBytes } from 'node:crypto';
import { shop } from './shop';

/** The context of the handlers. */
export type Ctx = CallContext<Mysql2Transaction, unknown>;

/** What a handler of Try does; it answers with a reservation whatever this does, unless it throws. */
export type Work = (ctx: Ctx) => Promise<unknown>;

/** What a caller is told. */
export interface Told {
  /** Name of the gRPC status. */
  readonly code: string;
  readonly message: string;
  readonly verdict: string | undefined;
}

/** A participant that runs. */
export interface BadParticipant {
  readonly service: TccService;
  /** What `onError` heard. */
  readonly errors: readonly unknown[];
  /** From now on Try does this. */
  work: Work;
  /** Calls a phase of branch 1; by default of a run of its own. */
  call(phase: 'try' | 'confirm' | 'cancel', runId?: string): Promise<Told>;
  stop(): void;
}

/** A run id that nobody has. */
export function aRunId(): string {
  return randomBytes(16).toString('hex');
}

/** Starts one in the database of the pool. */
export async function badParticipant(pool: Pool): Promise<BadParticipant> {
  const server = new Server();
  const errors: unknown[] = [];
  const nothing = (): void => {};
  const participant: { work: Work } = { work: async () => {} };
  const service = addTcc(
    server,
    shop,
    {
      reserve: {
        async try(_request, ctx) {
          await participant.work(ctx);
          return { reservationId: 'r-1' };
        },
        confirm: nothing,
        cancel: nothing,
      },
      charge: {
        try: () => ({ chargeId: '', balance: 0 }),
        confirm: nothing,
        cancel: nothing,
      },
      count: (_, callback) => callback(null, { count: 0 }),
    },
    { barrier: mysql2Barrier(pool), onError: (error) => errors.push(error) },
  );
  const client = new Client(`127.0.0.1:${await listen(server)}`, credentials.createInsecure());
  return Object.assign(participant, {
    service,
    errors,
    call: (phase: 'try' | 'confirm' | 'cancel', runId = aRunId()) => callBy(client, phase, runId),
    stop: () => {
      client.close();
      server.forceShutdown();
    },
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** Time enough for what succeeds; what hangs is to be told before. */
const CALL_MS = 3_000;

function callBy(client: Client, phase: 'try' | 'confirm' | 'cancel', runId: string): Promise<Told> {
  const deadline = Date.now() + CALL_MS;
  const metadata = new Metadata();
  metadata.set('tercet-gid', 'order-1');
  metadata.set('tercet-run-id', runId);
  metadata.set('tercet-branch-id', '1');
  metadata.set('tercet-action', 'reserve');
  metadata.set('tercet-phase', phase);
  metadata.set('tercet-attempt', '1');
  if (phase !== 'confirm') metadata.set('tercet-not-after', String(deadline));
  const { path } = shop.actions.reserve.methods[phase];
  const bytes = Buffer.from('{"sku":"tea","quantity":1}');
  return new Promise((resolve) => {
    const done = (error: ServiceError | null): void => {
      const { code, details, metadata: trailers } = error ?? { code: 0, details: '', metadata };
      const [verdict] = trailers.get('tercet-verdict');
      resolve({ code: status[code] ?? '', message: details, verdict: verdict?.toString() });
    };
    const same = (value: Buffer): Buffer => value;
    client.makeUnaryRequest(path, same, same, bytes, metadata, { deadline }, done);
  });
}
