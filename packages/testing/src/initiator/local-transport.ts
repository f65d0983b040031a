/**
 * The SDK's way to a coordinator of the same process: the same service as behind gRPC, without the wire. So nothing is
 * ever between the two that virtual time could not see.
 */
import type { Coordinator } from '@tercet/coordinator';
import {
  CallSignalSource,
  type Clock,
  type GlobalTransaction,
  type Scheduler,
  TercetError,
  errorCatalogue,
  toTercetError,
} from '@tercet/core';
import type {
  Answer,
  CallBounds,
  CommitRequest,
  CoordinatorTransport,
  DecisionReply,
  DecisionWait,
  GetRequest,
  RegisterReply,
  RegisterRequest,
  RollbackRequest,
  TransactionReply,
  WaitRequest,
} from '@tercet/sdk';
import { type Moment, decisionReply, transactionView } from './views';

type Transactions = Coordinator['transactions'];
type ServiceCall = Parameters<Transactions['register']>[1];

/** After these the request may have taken effect. */
const unsure: readonly string[] = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'INTERNAL'];

/** What it needs. */
export interface LocalTransportDeps {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Told when a command is sent, and when it is answered. */
  readonly onOpen: (by: 1 | -1) => void;
}

/** `CoordinatorTransport` within the process. */
export class LocalTransport implements CoordinatorTransport {
  readonly address = 'the test coordinator';
  private readonly closing = new CallSignalSource();

  constructor(private readonly deps: LocalTransportDeps) {}

  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>> {
    return this.ask(bounds, async (call) => {
      const { tx, remainingMs, registered } = await this.transactions.register(request, call);
      return { status: tx.status, remainingMs, branches: registered };
    });
  }

  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.ask(bounds, async (call) => {
      const tx = await this.transactions.commit({ ...request, wait: wishOf(request) }, call);
      return decisionReply(tx, this.moment());
    });
  }

  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.ask(bounds, async (call) => {
      const tx = await this.transactions.rollback({ ...request, wait: wishOf(request) }, call);
      return decisionReply(tx, this.moment());
    });
  }

  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    return this.ask(bounds, async () => this.replyOf(await this.transactions.get(request)));
  }

  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    const wish = { ...request, fact: request.waitFor };
    return this.ask(bounds, async (call) => this.replyOf(await this.transactions.wait(wish, call)));
  }

  close(): void {
    this.closing.abort(new TercetError('COORDINATOR_UNAVAILABLE', { message: 'closed' }));
  }

  private get transactions(): Transactions {
    return this.deps.coordinator.transactions;
  }

  private moment(): Moment {
    const { clock, coordinator } = this.deps;
    return { now: clock.now(), clockSkewMs: coordinator.config.clockSkewMs };
  }

  private replyOf(found: {
    readonly tx: GlobalTransaction;
    readonly result: Uint8Array | undefined;
  }): TransactionReply {
    return { transaction: transactionView(found.tx, this.moment()), result: found.result };
  }

  private async ask<T>(
    { deadlineMs, signal }: CallBounds,
    work: (call: ServiceCall) => Promise<T>,
  ): Promise<Answer<T>> {
    const { clock, scheduler, onOpen } = this.deps;
    const gone = new CallSignalSource();
    const given = (): void =>
      gone.abort(new TercetError('CALL_CANCELLED', { cause: signal.reason }));
    if (signal.aborted) given();
    signal.addEventListener('abort', given, { once: true });
    const unlisten = this.closing.listen(() => gone.abort(this.closing.reason));
    if (this.closing.aborted) gone.abort(this.closing.reason);
    const timer = scheduler.after(deadlineMs, () =>
      gone.abort(new TercetError('DEADLINE_EXCEEDED')),
    );
    onOpen(1);
    try {
      const call = { expiresAt: clock.now() + deadlineMs, signal: gone };
      return await Promise.race([answerOf(work(call)), lostBy(gone)]);
    } finally {
      onOpen(-1);
      timer.cancel();
      unlisten();
      signal.removeEventListener('abort', given);
    }
  }
}

async function answerOf<T>(work: Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: 'ok', reply: await work };
  } catch (thrown) {
    const error = toTercetError(thrown);
    return { kind: unsure.includes(errorCatalogue[error.code].rpc) ? 'lost' : 'refused', error };
  }
}

function lostBy(gone: CallSignalSource): Promise<Answer<never>> {
  return new Promise((resolve) => {
    const tell = (): void => resolve({ kind: 'lost', error: toTercetError(gone.reason) });
    if (gone.aborted) tell();
    else gone.listen(tell);
  });
}

function wishOf({ waitFor, waitMs }: DecisionWait): {
  readonly fact: DecisionWait['waitFor'];
  readonly waitMs: number;
} {
  return { fact: waitFor, waitMs };
}
