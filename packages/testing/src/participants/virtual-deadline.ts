/** Gives participants on a gRPC server the deadline of the virtual clock: `ctx.deadline` is right, real time ends nothing. */
import {
  type Metadata,
  ResponderBuilder,
  type ServerInterceptingCallInterface,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from '@grpc/grpc-js';
import { textOf } from '@tercet/runtime';
import { deadlineKey } from '../calls/outgoing-call';

interface Told {
  /** Virtual Unix ms; undefined = the caller is none of this package. */
  deadlineAt: number | undefined;
}

/** For the `interceptors` of a grpc-js server. */
export const virtualDeadlines: ServerInterceptor = (_method, call) => {
  const told: Told = { deadlineAt: undefined };
  const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, go) => {
    told.deadlineAt = takenOut(metadata);
    go(metadata);
  });
  const responder = new ResponderBuilder().withStart((go) => go(listener.build()));
  return new CallWithDeadline(call, responder.build(), told);
};

class CallWithDeadline extends ServerInterceptingCall {
  constructor(
    call: ServerInterceptingCallInterface,
    responder: ReturnType<ResponderBuilder['build']>,
    private readonly told: Told,
  ) {
    super(call, responder);
  }

  override getDeadline(): ReturnType<ServerInterceptingCall['getDeadline']> {
    return this.told.deadlineAt ?? super.getDeadline();
  }
}

function takenOut(metadata: Metadata): number | undefined {
  const text = textOf(metadata, deadlineKey);
  metadata.remove(deadlineKey);
  return text === undefined ? undefined : Number(text);
}
