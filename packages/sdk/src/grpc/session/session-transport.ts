/** The coordinator over a session, and over unary calls where it offers none. */
import type { Answer, CallBounds } from '../../coordinator/coordinator-transport';
import type { TimePorts } from '../../coordinator/repeat';
import type * as kinds from '../command-kinds';
import { CommandTransport } from '../command-transport';
import type { CoordinatorChannels } from '../coordinator-channels';
import { GrpcCoordinatorTransport } from '../grpc-coordinator-transport';
import type { Question } from './command';
import { Session } from './session';
import { SessionOffer } from './session-offer';

/** `CoordinatorTransport` over one stream for all runs of a client. Connects at the first call. */
export class SessionTransport extends CommandTransport {
  private readonly offer: SessionOffer;
  private readonly unary: GrpcCoordinatorTransport;
  private readonly session: Session;

  constructor(
    private readonly channels: CoordinatorChannels,
    ports: TimePorts,
  ) {
    super();
    this.offer = new SessionOffer(ports.clock);
    this.unary = new GrpcCoordinatorTransport(channels, () => this.offer.forget());
    this.session = new Session({
      ...ports,
      channels,
      unary: (question, bounds) => this.overUnary(question, bounds),
      notOffered: () => this.offer.refused(),
    });
  }

  override get address(): string {
    return this.channels.address;
  }

  override close(): void {
    this.session.close();
    this.channels.close();
  }

  protected override carry<Request, Wire, Response, Reply>(
    kind: kinds.CommandKind<Request, Wire, Response, Reply>,
    request: Request,
    bounds: CallBounds,
  ): Promise<Answer<Reply>> {
    const wire = kind.toWire(request);
    const question = { kind, wire, patience: kind.patienceOf(request), bounds };
    const answer = this.offer.open
      ? this.session.carry(question)
      : this.overUnary(question, bounds);
    // The reply was read by the command's own kind.
    return answer as Promise<Answer<Reply>>;
  }

  private overUnary({ kind, wire }: Question, bounds: CallBounds): Promise<Answer<unknown>> {
    const read = (response: unknown): unknown => kind.read(response);
    return this.unary.call({ method: kind.method, request: wire, read }, bounds);
  }
}
