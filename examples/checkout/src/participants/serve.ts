/** What the three participants have in common: a process with a database file and a gRPC server. */
import { Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import type { Barrier, TccService } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/sqlite';
import { type Database, openDatabase } from '../database';
import { tell } from '../messages';
import { endWithUsage, readOptions } from '../options';

const USAGE = 'stock.js|wallet.js|shipping.js --database FILE [--port PORT] [--host HOST]';

/** A participant's database, and the barrier in it. */
export interface Books {
  /** For everything but Try, Confirm and Cancel. */
  readonly db: Database;
  /** Has a connection of its own: whatever else was written on it would belong to the handler that is running. */
  readonly barrier: Barrier<Database>;
  readonly close: () => void;
}

/** Opens the books. The barrier's table is created where it is missing. */
export async function openBooks(file: string): Promise<Books> {
  const [db, guarded] = [await openDatabase(file), await openDatabase(file)];
  const barrier = sqliteBarrier(guarded);
  // Larger installations leave that to `tercet barrier migrate`, as with all their tables.
  await barrier.migrate();
  const close = (): void => {
    guarded.close();
    db.close();
  };
  return { db, barrier, close };
}

/** Runs a participant: `node stock.js --database stock.db --port 50051`. Port 0 takes a free one; the host is loopback. */
export async function serveParticipant(
  add: (server: Server, books: Books) => TccService,
): Promise<void> {
  const options = readOptions(USAGE, {
    database: { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
  });
  const { database } = options;
  if (database === undefined) endWithUsage(USAGE);
  const books = await openBooks(database);
  const server = new Server();
  const service = add(server, books);
  await service.ready();
  const port = await listen(server, `${options.host}:${options.port}`);

  const stop = async (): Promise<void> => {
    // Drain first: a Confirm that is running ends with its answer, new ones are told to come again later.
    await service.drain();
    server.forceShutdown();
    books.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  tell({ event: 'ready', port });
}

/** An ordinary method as a plain function: what it returns is the answer. */
export function ordinary<Q, R>(answer: (request: Q) => R): handleUnaryCall<Q, R> {
  return (call, callback) => callback(null, answer(call.request));
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
