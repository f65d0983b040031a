/** Entry of the store's worker thread: one request after the other, each answered before the next is taken. */
import { parentPort } from 'node:worker_threads';
import { runBatch, runClaim, runProbe } from './batch';
import { type OpenStore, openStore, patiently } from './connection';
import { Expiry } from './expiry';
import { BrokenConnection, KnownFailure, failureOf } from './failures';
import { listRows } from './list-query';
import type { Replies, ReplyMessage, Request, RequestMessage } from './messages';
import { importTombstones } from './tombstone-import';
import { loadDue, loadFacts, loadMany, loadPayloads, loadResult, loadRows } from './read';

const port = parentPort;
let store: OpenStore | undefined;
let expiry: Expiry | undefined;

port?.on('message', ({ number, request }: RequestMessage) => {
  port.postMessage(answer(number, request));
  // Without its listener nothing keeps the thread: it ends by itself.
  if (request.kind === 'close') port.close();
});

function answer(number: number, request: Request): ReplyMessage {
  try {
    return { number, ok: true, reply: handle(request) };
  } catch (error) {
    if (error instanceof BrokenConnection) throw error;
    return { number, ok: false, failure: failureOf(error, 'before-commit') };
  }
}

function handle(request: Request): Replies[Request['kind']] {
  if (isReading(request)) return read(opened(), request);
  switch (request.kind) {
    case 'open':
      store = openStore(request.directory, request.incarnation);
      return undefined;
    case 'write':
      return runBatch(opened(), request);
    case 'claim':
      return patiently(opened().db, () => runClaim(opened(), request));
    case 'expire':
      return expiryOf(opened()).run(request);
    case 'finished at':
      return expiryOf(opened()).finishedAt(request.place);
    case 'import tombstones':
      return importTombstones(opened().db, request.owner, request.rows);
    case 'probe':
      return runProbe(opened());
    case 'pragma':
      return opened().db.prepare(`PRAGMA ${request.text}`).all();
    case 'close':
      store?.close();
      store = undefined;
      expiry = undefined;
      return undefined;
  }
}

const readings = ['facts', 'load many', 'load', 'payloads', 'result', 'due', 'list'] as const;
type Reading = Extract<Request, { readonly kind: (typeof readings)[number] }>;

function isReading(request: Request): request is Reading {
  return (readings as readonly string[]).includes(request.kind);
}

function read({ db, statements }: OpenStore, request: Reading): Replies[Reading['kind']] {
  switch (request.kind) {
    case 'facts':
      return loadFacts(statements, request.gid);
    case 'load many':
      return loadMany(statements, request.gids);
    case 'load':
      return loadRows(statements, request);
    case 'payloads':
      return loadPayloads(statements, request);
    case 'result':
      return loadResult(statements, request.gid);
    case 'due':
      return loadDue(statements, request);
    case 'list':
      return listRows(db, request);
  }
}

/** Its statements are prepared when they are needed first. */
function expiryOf({ db }: OpenStore): Expiry {
  expiry ??= new Expiry(db);
  return expiry;
}

function opened(): OpenStore {
  if (store !== undefined) return store;
  const message = 'the store is not open';
  throw new KnownFailure({ kind: 'store', failure: 'unavailable', message });
}
