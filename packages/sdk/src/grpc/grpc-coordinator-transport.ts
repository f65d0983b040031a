/** The coordinator over unary gRPC. */
import type { Answer, CallBounds } from '../coordinator/coordinator-transport';
import { maySucceedElsewhere } from '../coordinator/elsewhere';
import { type CoordinatorChannel, type WireCall, callCoordinator } from './call-coordinator';
import type * as kinds from './command-kinds';
import { CommandTransport } from './command-transport';
import type { CoordinatorChannels } from './coordinator-channels';

/**
 * `CoordinatorTransport` over unary calls. A call that did not get through, or was answered by a coordinator that cannot serve at
 * the moment, makes the next one go to the next address.
 */
export class GrpcCoordinatorTransport extends CommandTransport {
  /** @param lost Told of each call that did not get through. */
  constructor(
    private readonly channels: CoordinatorChannels,
    private readonly lost: () => void = () => undefined,
  ) {
    super();
  }

  override get address(): string {
    return this.channels.address;
  }

  /** One call of any kind; its request is the contracts' own. Never rejects. */
  async call<Wire, Response, Reply>(
    call: WireCall<Wire, Response, Reply>,
    bounds: CallBounds,
  ): Promise<Answer<Reply>> {
    const line = this.channels.current;
    const answer = await callCoordinator(line, call, bounds);
    if (answer.kind !== 'lost') return answer;
    const away = isAway(line, answer.error.code);
    if (away || maySucceedElsewhere(answer.error)) this.channels.failed(line);
    if (away) this.lost();
    return answer;
  }

  override close(): void {
    this.channels.close();
  }

  protected override carry<Request, Wire, Response, Reply>(
    kind: kinds.CommandKind<Request, Wire, Response, Reply>,
    request: Request,
    bounds: CallBounds,
  ): Promise<Answer<Reply>> {
    const call = {
      method: kind.method,
      request: kind.toWire(request),
      read: (response: Response) => kind.read(response),
    };
    return this.call(call, bounds);
  }
}

/** Whether a lost call says that another address may do better. */
function isAway({ channel }: CoordinatorChannel, code: string): boolean {
  if (code === 'COORDINATOR_UNAVAILABLE' || code === 'SHUTTING_DOWN') return true;
  return code === 'DEADLINE_EXCEEDED' && channel.connection !== 'ready';
}
