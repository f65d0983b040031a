import { Client, type MethodDefinition, credentials, status } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

/** What a health check can be answered with; UNREACHABLE = nobody listens any more. */
export type Health = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'UNREACHABLE';

const check = service['Check'] as MethodDefinition<{ service: string }, { status: Health }>;
const DEADLINE_MS = 5_000;

/** Asks `grpc.health.v1.Health/Check` as an orchestrator does. */
export class HealthClient {
  private readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  /** Health of the service `name`; '' is the whole server. */
  check(name: string): Promise<Health> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        { service: name },
        { deadline: Date.now() + DEADLINE_MS },
        (error, response) => {
          if (error === null) resolve(response?.status ?? 'UNKNOWN');
          else if (error.code === status.UNAVAILABLE) resolve('UNREACHABLE');
          else reject(error);
        },
      );
    });
  }

  close(): void {
    this.client.close();
  }
}
