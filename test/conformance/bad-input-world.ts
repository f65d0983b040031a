/** A real coordinator on SQLite, and a client that was made of the `.proto` files alone. */
import {
  type Client,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceError,
  credentials,
  loadPackageDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { join } from 'node:path';

const loaded = loadSync(['tercet/v1/coordinator.proto', 'tercet/v1/operator.proto'], {
  includeDirs: [join(__dirname, '../../proto')],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
});
const v1 = (loadPackageDefinition(loaded)['tercet'] as GrpcObject)['v1'] as GrpcObject;

/** A message as plain data, fields named as in the files. */
export type Message = Record<string, unknown>;

/** How a call was refused. */
export interface Refusal {
  /** gRPC status. */
  readonly status: number;
  /** The trailer `tercet-code`. */
  readonly code: unknown;
  readonly text: string;
}

type Method = (
  request: object,
  done: (error: ServiceError | null, answer: Message) => void,
) => void;

/** Both services over one address. Each keeps its connection for its whole life. */
export class PlainClient {
  private readonly services: readonly Client[];

  constructor(address: string) {
    this.services = ['Coordinator', 'Operator'].map((name) => {
      const Service = v1[name] as ServiceClientConstructor;
      // The largest request of the tests is beyond what the coordinator takes, not beyond what we send.
      const options = { 'grpc.max_send_message_length': -1 };
      return new Service(address, credentials.createInsecure(), options);
    });
  }

  /** Calls a method of either service; rejects with gRPC's error. */
  call(method: string, request: object): Promise<Message> {
    const service = this.services.find((each) => method in each);
    if (service === undefined) throw new Error(`no method ${method}`);
    const unary = (service as unknown as Record<string, Method>)[method];
    return new Promise((resolve, reject) => {
      unary?.call(service, request, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  }

  /** Calls a method that has to be refused. */
  async refusal(method: string, request: object): Promise<Refusal> {
    try {
      await this.call(method, request);
    } catch (error) {
      const { code, details, metadata } = error as ServiceError;
      return { status: code, code: metadata.get('tercet-code')[0], text: details };
    }
    throw new Error(`${method} was not refused`);
  }

  /** What is true of a gid now: the whole transaction, or `unknown`. */
  async truth(gid: string): Promise<Message | 'unknown'> {
    try {
      return await this.call('GetTransaction', { gid });
    } catch (error) {
      if ((error as ServiceError).code === status.NOT_FOUND) return 'unknown';
      throw error;
    }
  }

  close(): void {
    for (const service of this.services) service.close();
  }
}

/** The run of all requests. */
export const runId = 'ab'.repeat(16);
/** A run that opened nothing. */
export const otherRun = 'cd'.repeat(16);

/** A branch, nothing set that has a default. */
export function branchOf(target: string, over: Message = {}): Message {
  return {
    branch_id: '1',
    action: 'take',
    target,
    forward_method: '/any.Stock/Try',
    confirm_method: '/any.Stock/Confirm',
    cancel_method: '/any.Stock/Cancel',
    payload: Buffer.from([0, 1, 255]),
    ...over,
  };
}

/** Opens a transaction. */
export function registrationOf(
  gid: string,
  branches: readonly Message[],
  over: Message = {},
): Message {
  return { gid, run_id: runId, open: { name: 'checkout' }, branches, ...over };
}

/** Commits, and waits until it is settled. */
export function commitOf(gid: string, over: Message = {}): Message {
  return { gid, run_id: runId, branch_ids: ['1'], ...settled, ...over };
}

/** Rolls back with the Try told as done, and waits until it is settled. */
export function rollbackOf(gid: string, over: Message = {}): Message {
  const tries = [{ branch_id: '1', outcome: 'PHASE_ONE_STATUS_DONE' }];
  return { gid, run_id: runId, reason: 'no stock', tries, ...settled, ...over };
}

const settled = { wait_for: 'FACT_SETTLED', wait_ms: 10_000 };
