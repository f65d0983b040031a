/** The Try calls alone: what a service would do without Tercet, and the same on Deliver. */
import {
  type ChannelCredentials,
  type Client,
  type ServiceError,
  credentials,
  makeGenericClientConstructor,
} from '@grpc/grpc-js';
import { grpcCode } from '@tercet/core';
import { ParticipantChannels } from '@tercet/runtime';
import { BenchService, type ReserveRequest, bench, reservation } from '../bench-service';
import type { LoadPlan } from '../processes/calls';
import type { Transact } from './transact';

interface TryClient extends Client {
  reserveTry(request: ReserveRequest, done: (error: ServiceError | null) => void): unknown;
}

/** As generated clients are made. No deadline and no metadata: the least that a call can cost. */
const BenchClient = makeGenericClientConstructor(BenchService, 'bench.v1.Bench') as unknown as new (
  address: string,
  credentials: ChannelCredentials,
) => TryClient;

/** Unary calls, all branches at once. */
export function bareTransact({ targets, branches }: LoadPlan): Transact {
  // One for each participant, whatever the number of branches.
  const clients = targets.map((target) => new BenchClient(target, credentials.createInsecure()));
  const called = Array.from({ length: branches }, (_, i) => clients[i % clients.length]);
  const reserve = (client: TryClient | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      client?.reserveTry(reservation, (error) => (error === null ? resolve() : reject(error)));
    });
  return async () => {
    const from = performance.now();
    await Promise.all(called.map(reserve));
    return performance.now() - from;
  };
}

const RUN_ID = '0123456789abcdef0123456789abcdef';
const TRY_MS = 5_000;

/** Commands on the participants' streams, all branches at once. */
export function bareStreamTransact({ targets, branches }: LoadPlan): Transact {
  const channels = new ParticipantChannels();
  const { name: action, methods } = bench.actions.reserve;
  const { path, requestSerialize, responseDeserialize } = BenchService.reserveTry;
  if (methods.try.path !== path) throw new Error('bug: the Try of the action is another method');
  const called = Array.from({ length: branches }, (_, i) => ({
    target: targets[i % targets.length] ?? '',
    branchId: String(i + 1),
  }));
  let transactions = 0;
  return async () => {
    const from = performance.now();
    const gid = `bare-${++transactions}`;
    const notAfter = Date.now() + TRY_MS;
    const reserve = async ({ target, branchId }: (typeof called)[number]): Promise<void> => {
      const { code, message, payload } = await channels.call({
        target,
        method: path,
        payload: requestSerialize(reservation),
        context: {
          gid,
          runId: RUN_ID,
          branchId,
          action,
          phase: 'try',
          attempt: 1,
          notAfter,
          trace: undefined,
        },
        deadlineMs: TRY_MS,
      });
      if (code !== grpcCode.OK || payload === undefined) {
        throw new Error(`a Try on its own failed with ${code}: ${message}`);
      }
      responseDeserialize(payload);
    };
    await Promise.all(called.map(reserve));
    return performance.now() - from;
  };
}
