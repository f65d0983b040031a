/** The coordinator over unary gRPC. */
import { CoordinatorService } from '@tercet/proto';
import { UnaryChannel } from '@tercet/runtime';
import type {
  Answer,
  CallBounds,
  CommitRequest,
  CoordinatorTransport,
  DecisionReply,
  GetRequest,
  RegisterReply,
  RegisterRequest,
  RollbackRequest,
  TransactionReply,
  WaitRequest,
} from '../coordinator/coordinator-transport';
import { callCoordinator } from './call-coordinator';
import type { GrpcCredentials } from './credentials';
import * as mappers from './mappers';

/** `CoordinatorTransport` over one gRPC channel. */
export class GrpcCoordinatorTransport implements CoordinatorTransport {
  readonly channel: UnaryChannel;

  constructor(
    readonly address: string,
    credentials: GrpcCredentials | undefined,
  ) {
    this.channel = new UnaryChannel(address, { credentials });
  }

  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>> {
    const method = CoordinatorService.registerBranches;
    const call = { method, request: mappers.registerRequest(request), read: mappers.registerReply };
    return callCoordinator(this, call, bounds);
  }

  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    const method = CoordinatorService.commit;
    const call = { method, request: mappers.commitRequest(request), read: mappers.decisionReply };
    return callCoordinator(this, call, bounds);
  }

  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    const method = CoordinatorService.rollback;
    const call = { method, request: mappers.rollbackRequest(request), read: mappers.decisionReply };
    return callCoordinator(this, call, bounds);
  }

  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    const method = CoordinatorService.getTransaction;
    return callCoordinator(this, { method, request, read: mappers.transactionReply }, bounds);
  }

  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    const method = CoordinatorService.waitTransaction;
    const call = {
      method,
      request: mappers.waitRequest(request),
      read: mappers.transactionReply,
    };
    return callCoordinator(this, call, bounds);
  }

  close(): void {
    this.channel.close();
  }
}
