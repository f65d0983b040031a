import { Server, ServerCredentials } from '@grpc/grpc-js';
import { TercetError, limits } from '@tercet/core';
import { CoordinatorService, OperatorService, SessionResponse } from '@tercet/proto';
import { fileDescriptors } from '@tercet/proto/descriptors';
import { encoderOf } from '@tercet/runtime';
import { HealthImplementation, type ServingStatusMap } from 'grpc-health-check';
import { RunningWork } from '../../engine/running-work';
import { Reflection } from './reflection/reflection';
import {
  type HandlerDeps,
  coordinatorCommands,
  coordinatorHandlers,
  operatorHandlers,
} from './handlers';
import { Sessions } from './session/sessions';

/** The services of Tercet that are served here. */
const serviceNames = ['tercet.v1.Coordinator', 'tercet.v1.Operator'] as const;
/** Names under which health is reported: the whole server, and each service. */
const healthNames = ['', ...serviceNames] as const;

/** Largest request: a registration of a few of the largest payloads. Clients split above it. */
const MESSAGE_BYTES_MAX = 4 * limits.payloadBytesMax + 64 * 1024;

/** The gRPC listener: Coordinator, Operator, health and reflection. */
export class GrpcServer {
  private readonly server: Server;
  private readonly health: HealthImplementation;
  private readonly reflection = new Reflection(fileDescriptors, [
    ...serviceNames,
    'grpc.health.v1.Health',
  ]);
  private readonly calls = new RunningWork();
  private readonly sessions: Sessions;
  private port = 0;

  constructor(given: Omit<HandlerDeps, 'calls'>) {
    const deps = { ...given, calls: this.calls };
    const commands = coordinatorCommands(deps);
    this.sessions = new Sessions({ ...deps, commands });
    this.server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
    const session = {
      ...CoordinatorService.session,
      responseSerialize: encoderOf(SessionResponse),
    };
    this.server.addService(
      { ...CoordinatorService, session },
      coordinatorHandlers(commands, (call) => this.sessions.accept(call), deps),
    );
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

  /**
   * Takes no new calls and resolves when the running ones have ended, sessions among them: their clients are told to
   * go elsewhere, and each ends when its commands are answered.
   */
  async drain(): Promise<void> {
    this.setServing(false);
    this.reflection.end();
    this.sessions.drain();
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
  }

  /** Resolves when every call and every command of a session that was under way is answered. */
  answered(): Promise<void> {
    return this.calls.over();
  }

  /** Ends everything at once. Repeating is safe. */
  close(): void {
    this.sessions.close();
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
