/** Entry of the store's worker thread: one request after the other, each answered before the next is taken. */
import { parentPort } from 'node:worker_threads';
import { runBatch, runClaim, runProbe } from './batch';
import { type OpenStore, openStore, patiently } from './connection';
import { BrokenConnection, KnownFailure, failureOf } from './failures';
import { listRows } from './list-query';
import type { Replies, ReplyMessage, Request, RequestMessage } from './messages';
import { loadDue, loadPayloads, loadResult, loadRows } from './read';

const port = parentPort;
let store: OpenStore | undefined;

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
  switch (request.kind) {
    case 'open':
      store = openStore(request.directory, request.incarnation);
      return undefined;
    case 'write':
      return runBatch(opened(), request);
    case 'claim':
      return patiently(opened().db, () => runClaim(opened(), request));
    case 'load':
      return loadRows(opened().statements, request);
    case 'payloads':
      return loadPayloads(opened().statements, request);
    case 'result':
      return loadResult(opened().statements, request.gid);
    case 'due':
      return loadDue(opened().statements, request);
    case 'list':
      return listRows(opened().db, request);
    case 'probe':
      return runProbe(opened());
    case 'pragma':
      return opened().db.prepare(`PRAGMA ${request.text}`).all();
    case 'close':
      store?.close();
      store = undefined;
      return undefined;
  }
}

function opened(): OpenStore {
  if (store !== undefined) return store;
  const message = 'the store is not open';
  throw new KnownFailure({ kind: 'store', failure: 'unavailable', message });
}
