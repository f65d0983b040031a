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
import * as kinds from './command-kinds';

/** The five calls of a coordinator as commands: whoever extends this says only how a command is carried. */
export abstract class CommandTransport implements CoordinatorTransport {
  abstract get address(): string;

  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>> {
    return this.carry(kinds.register, request, bounds);
  }

  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.carry(kinds.commit, request, bounds);
  }

  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.carry(kinds.rollback, request, bounds);
  }

  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    return this.carry(kinds.getTransaction, request, bounds);
  }

  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    return this.carry(kinds.waitTransaction, request, bounds);
  }

  abstract close(): void;

  /** Never rejects. */
  protected abstract carry<Request, Wire, Response, Reply>(
    kind: kinds.CommandKind<Request, Wire, Response, Reply>,
    request: Request,
    bounds: CallBounds,
  ): Promise<Answer<Reply>>;
}
