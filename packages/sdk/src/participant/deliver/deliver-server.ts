/**
 * `tercet.v1.Participant` on one gRPC server: the methods of all its services on the same streams.
 *
 * V1 Hello names what is offered when the stream opens: methods of services that were added later, or were drained
 *    before, are not taken on it.
 * V2 Hello says barrier only where every service said it: a caller may send any Try of the stream again.
 * V3 Of the credits that were given, the smallest holds; where none was, the default.
 * V4 Once every service is drained, no stream is opened.
 * V5 Of the retentions that barriers have, the shortest is told; none where none is known.
 */
import { type Server, status } from '@grpc/grpc-js';
import { type Clock, PROTOCOL_VERSION, type Scheduler } from '@tercet/core';
import { type DeliverHello, DeliverResponse, ParticipantService } from '@tercet/proto';
import { encoderOf } from '@tercet/runtime';
import type { Route } from '../routes';
import type { ServiceCalls } from '../service-calls';
import type { Served } from './deliver-call';
import { DeliverStream, type GrpcStream } from './deliver-stream';

/** Default of each credit. */
export const CREDIT_DEFAULT = 1_024;

/** A service whose calls may come as commands. */
export interface DeliveredService {
  readonly calls: ServiceCalls;
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly barrier: boolean;
  /** How long its barrier remembers a finished branch, ms; undefined = nobody knows. */
  readonly retentionMs: number | undefined;
  /** undefined = not given. */
  readonly maxInFlightTry: number | undefined;
  /** undefined = not given. */
  readonly maxInFlightPhaseTwo: number | undefined;
}

/** What streams that open now get. */
interface Offer {
  readonly hello: DeliverHello;
  readonly methods: ReadonlyMap<string, Served>;
}

/** The streams of one server. */
export class DeliverServer {
  private readonly services = new Set<DeliveredService>();
  private readonly streams = new Set<DeliverStream>();
  private offer: Offer = offerOf([]);

  constructor(private readonly scheduler: Scheduler) {}

  /** Puts the contract's service on the server. Throws as grpc-js does where it is there already. */
  addTo(server: Server): void {
    const deliver = {
      ...ParticipantService.deliver,
      responseSerialize: encoderOf(DeliverResponse),
    };
    server.addService({ deliver }, { deliver: (call: GrpcStream) => this.open(call) });
  }

  /** Offers the methods of a service on streams that open from now on. */
  add(service: DeliveredService): void {
    this.services.add(service);
    this.offer = offerOf([...this.services]);
  }

  /**
   * Withdraws the methods of a service, and tells every open stream to drain. Resolves when no command comes any more
   * on those; that may be never, so who waits sets a limit.
   */
  async withdraw(service: DeliveredService): Promise<void> {
    this.services.delete(service);
    this.offer = offerOf([...this.services]);
    const streams = [...this.streams];
    for (const stream of streams) stream.drain();
    await Promise.all(streams.map((stream) => stream.silent()));
  }

  /** Resolves when every outcome that there is has left; that may be never. */
  async outcomesLeft(): Promise<void> {
    await Promise.all([...this.streams].map((stream) => stream.sent()));
  }

  private open(call: GrpcStream): void {
    if (this.services.size === 0) {
      const details = 'this participant is stopping';
      call.emit('error', { code: status.UNAVAILABLE, details });
      return;
    }
    const stream = new DeliverStream(call, {
      ...this.offer,
      scheduler: this.scheduler,
      onClose: (closed) => this.streams.delete(closed),
    });
    this.streams.add(stream);
  }
}

function offerOf(services: readonly DeliveredService[]): Offer {
  const methods = new Map<string, Served>();
  for (const { routes, calls, clock } of services) {
    for (const route of routes) methods.set(route.method.path, { route, calls, clock });
  }
  const actions = services.flatMap(({ routes }) => routes.map(({ action }) => action));
  const hello: DeliverHello = {
    protocolVersion: PROTOCOL_VERSION,
    barrier: services.length > 0 && services.every(({ barrier }) => barrier),
    actions: [...new Set(actions)],
    methods: [...methods.keys()],
    maxInFlightTry: smallest(services.map(({ maxInFlightTry }) => maxInFlightTry)),
    maxInFlightPhaseTwo: smallest(services.map(({ maxInFlightPhaseTwo }) => maxInFlightPhaseTwo)),
    barrierRetentionMs: retentionOf(services),
  };
  return { hello, methods };
}

function smallest(credits: readonly (number | undefined)[]): number {
  const given = credits.filter((credit) => credit !== undefined);
  return given.length === 0 ? CREDIT_DEFAULT : Math.min(...given);
}

function retentionOf(services: readonly DeliveredService[]): bigint | undefined {
  const known = services.flatMap(({ retentionMs }) => retentionMs ?? []);
  return known.length === 0 ? undefined : BigInt(Math.floor(Math.min(...known)));
}
