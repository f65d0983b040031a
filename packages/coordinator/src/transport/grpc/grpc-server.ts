import { Server, ServerCredentials } from '@grpc/grpc-js';
import { TercetError, limits } from '@tercet/core';
import { CoordinatorService, OperatorService } from '@tercet/proto';
import { fileDescriptors } from '@tercet/proto/descriptors';
import { HealthImplementation, type ServingStatusMap } from 'grpc-health-check';
import { RunningWork } from '../../engine/running-work';
import { Reflection } from './reflection/reflection';
import { type HandlerDeps, coordinatorHandlers, operatorHandlers } from './handlers';

/** Names under which health is reported: the whole server, and each service. */
const healthNames = ['', 'tercet.v1.Coordinator', 'tercet.v1.Operator'] as const;

/** Largest request: a registration of a few of the largest payloads. Clients split above it. */
const MESSAGE_BYTES_MAX = 4 * limits.payloadBytesMax + 64 * 1024;

/** The gRPC listener: Coordinator, Operator, health and reflection. */
export class GrpcServer {
  private readonly server: Server;
  private readonly health: HealthImplementation;
  private readonly reflection = new Reflection(fileDescriptors);
  private port = 0;

  private readonly calls = new RunningWork();

  constructor(given: Omit<HandlerDeps, 'calls'>) {
    const deps = { ...given, calls: this.calls };
    this.server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
    this.server.addService(CoordinatorService, coordinatorHandlers(deps));
    this.server.addService(OperatorService, operatorHandlers(deps));
    this.health = new HealthImplementation(servingMap('NOT_SERVING'));
    this.health.addToServer(this.server);
    this.reflection.addTo(this.server);
  }

  /** Binds and listens; resolves with the port. Rejects with ADDRESS_IN_USE or CONFIG_INVALID naming the address. */
  async listen(address: string): Promise<number> {
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(bindError(address, error));
      });
    });
    return this.port;
  }

  /** Tells health checks whether calls are served. */
  setServing(serving: boolean): void {
    for (const name of healthNames)
      this.health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** Takes no new calls and resolves when the running ones have ended. */
  async drain(): Promise<void> {
    this.setServing(false);
    this.reflection.end();
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
  }

  /** Resolves when every call of Coordinator and Operator that was under way is answered. */
  answered(): Promise<void> {
    return this.calls.over();
  }

  /** Ends everything at once. Repeating is safe. */
  close(): void {
    this.server.forceShutdown();
  }
}

function servingMap(state: 'SERVING' | 'NOT_SERVING'): ServingStatusMap {
  return Object.fromEntries(healthNames.map((name) => [name, state]));
}

function bindError(address: string, error: Error): TercetError {
  if (error.message.includes('EADDRINUSE')) {
    return new TercetError('ADDRESS_IN_USE', {
      message: `cannot listen on ${address}: the address is in use`,
      details: { address },
      cause: error,
    });
  }
  return new TercetError('CONFIG_INVALID', {
    message: `cannot listen on ${address}: ${error.message}`,
    details: { address },
    cause: error,
  });
}
