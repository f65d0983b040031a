/** A coordinator that answers as a test says, and the other fakes of a run under a virtual clock. */
import { type BranchSpec, type Fact, type GlobalStatus, TercetError, grpcCode } from '@tercet/core';
import type { ManualTime } from '@tercet/core/testing';
import type {
  Answer,
  BranchView,
  CallBounds,
  CommitRequest,
  CoordinatorTransport,
  DecisionReply,
  GetRequest,
  RegisterReply,
  RegisterRequest,
  RollbackRequest,
  TransactionReply,
  TransactionView,
  TryCall,
  TryCaller,
  TryReply,
  WaitRequest,
} from '@tercet/sdk';

/** An answer, now or later; `never` = none until the call's deadline or abort. */
export type Scripted<T> = T | Promise<T> | 'never';
/** Answers the nth call (1, 2, …). */
export type Script<Request, Reply> = (request: Request, n: number) => Scripted<Answer<Reply>>;

/** The requests by their kind. */
interface Requests {
  readonly register: RegisterRequest;
  readonly commit: CommitRequest;
  readonly rollback: RollbackRequest;
  readonly get: GetRequest;
  readonly wait: WaitRequest;
}
type Kind = keyof Requests;

/** One call. */
interface Asked<K extends Kind> {
  readonly kind: K;
  readonly request: Requests[K];
  readonly bounds: CallBounds;
}
type AnyAsked = { [K in Kind]: Asked<K> }[Kind];

export class ScriptedCoordinator implements CoordinatorTransport {
  /** What was asked, in order. */
  readonly asked: AnyAsked[] = [];
  closed = 0;
  address?: string;
  onRegister: Script<RegisterRequest, RegisterReply> = (request) => registered(request);
  onCommit: Script<CommitRequest, DecisionReply> = () => decided('confirmed');
  onRollback: Script<RollbackRequest, DecisionReply> = () => decided('cancelled');
  onGet: Script<GetRequest, TransactionReply> = () => told();
  onWait: Script<WaitRequest, TransactionReply> = () => told();

  constructor(private readonly time: ManualTime) {}

  /** The kinds of the calls, in order. */
  get kinds(): readonly string[] {
    return this.asked.map(({ kind }) => kind);
  }

  /** The requests of one kind, in order. */
  requests<K extends Kind>(kind: K): Requests[K][] {
    return this.calls(kind).map(({ request }) => request);
  }

  calls<K extends Kind>(kind: K): Asked<K>[] {
    return this.asked.filter((each): each is Extract<AnyAsked, Asked<K>> => each.kind === kind);
  }

  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>> {
    this.asked.push({ kind: 'register', request, bounds });
    return this.answer(this.onRegister(request, this.calls('register').length), bounds);
  }

  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    this.asked.push({ kind: 'commit', request, bounds });
    return this.answer(this.onCommit(request, this.calls('commit').length), bounds);
  }

  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    this.asked.push({ kind: 'rollback', request, bounds });
    return this.answer(this.onRollback(request, this.calls('rollback').length), bounds);
  }

  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    this.asked.push({ kind: 'get', request, bounds });
    return this.answer(this.onGet(request, this.calls('get').length), bounds);
  }

  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    this.asked.push({ kind: 'wait', request, bounds });
    return this.answer(this.onWait(request, this.calls('wait').length), bounds);
  }

  close(): void {
    this.closed += 1;
  }

  private answer<T>(scripted: Scripted<Answer<T>>, bounds: CallBounds): Promise<Answer<T>> {
    return bounded<Answer<T>>(this.time, scripted, bounds, (code) =>
      lost(code === grpcCode.CANCELLED ? 'CALL_CANCELLED' : 'DEADLINE_EXCEEDED'),
    );
  }
}

/** Participants that answer as a test says. */
export class ScriptedCaller implements TryCaller {
  readonly calls: TryCall[] = [];
  closed = 0;
  onCall: (call: TryCall, n: number) => Scripted<TryReply> = (call) => replied(call);

  constructor(private readonly time: ManualTime) {}

  /** Branch ids in the order of the calls. */
  get branches(): readonly unknown[] {
    return this.calls.map(({ metadata }) => metadata['tercet-branch-id']);
  }

  call(call: TryCall): Promise<TryReply> {
    this.calls.push(call);
    const scripted = this.onCall(call, this.calls.length);
    return bounded<TryReply>(this.time, scripted, call, (code) => failed(code, 'no answer'));
  }

  close(): void {
    this.closed += 1;
  }
}

function bounded<T>(
  time: ManualTime,
  scripted: Scripted<T>,
  bounds: CallBounds,
  ended: (code: number) => T,
): Promise<T> {
  return new Promise((resolve) => {
    const end = (value: T): void => {
      timer.cancel();
      bounds.signal.removeEventListener('abort', abort);
      resolve(value);
    };
    const abort = (): void => end(ended(grpcCode.CANCELLED));
    const timer = time.after(bounds.deadlineMs, () => end(ended(grpcCode.DEADLINE_EXCEEDED)));
    if (bounds.signal.aborted) return abort();
    bounds.signal.addEventListener('abort', abort, { once: true });
    if (scripted !== 'never') void Promise.resolve(scripted).then(end);
  });
}

export function ok<T>(reply: T): Answer<T> {
  return { kind: 'ok', reply };
}

export function lost(code: TercetError['code'] = 'COORDINATOR_UNAVAILABLE'): Answer<never> {
  return { kind: 'lost', error: new TercetError(code) };
}

export function refused(
  code: TercetError['code'],
  details: Readonly<Record<string, string>> = {},
): Answer<never> {
  return { kind: 'refused', error: new TercetError(code, { details }) };
}

/** All branches are registered; each Try may start until 1,700,000,099,000. */
export function registered(request: RegisterRequest, remainingMs = 60_000): Answer<RegisterReply> {
  const branches = request.branches.map(({ id }) => ({ id, notAfter: 1_700_000_099_000 }));
  return ok({ status: 'trying', remainingMs, branches });
}

export function decided(
  status: GlobalStatus,
  pending: readonly BranchView[] = [],
): Answer<DecisionReply> {
  const reached: Fact = pending.length === 0 ? 'executed' : 'decided';
  return ok({ status, reached, pending });
}

/** The reply of any Try of the shop service. */
export function replied(call: TryCall): TryReply {
  const id = `r${String(call.metadata['tercet-branch-id'])}`;
  const text = JSON.stringify({ reservationId: id, chargeId: id, balance: 7 });
  return { ...failed(grpcCode.OK, ''), payload: Buffer.from(text) };
}

export function failed(code: number, message: string, over: Partial<TryReply> = {}): TryReply {
  const nothing = {
    payload: undefined,
    verdict: undefined,
    retryAfterMs: undefined,
    peer: undefined,
  };
  return { code, message, ...nothing, rejectDetails: undefined, branches: [], ...over };
}

export function rejecting(message = 'sold out', rejectDetails?: unknown): TryReply {
  return failed(grpcCode.FAILED_PRECONDITION, message, { verdict: 'reject', rejectDetails });
}

export function retryLater(retryAfterMs?: number): TryReply {
  return failed(grpcCode.FAILED_PRECONDITION, 'busy', { verdict: 'retry', retryAfterMs });
}

/** A branch as answers show it. */
export function aBranchView(over: Partial<BranchView> = {}): BranchView {
  return {
    branch: '1' as BranchSpec['id'],
    action: 'reserve',
    service: 'shop.ShopTcc',
    target: 'shop:1',
    methods: {
      forward: '/shop.ShopTcc/ReserveTry',
      confirm: '/shop.ShopTcc/ReserveConfirm',
      cancel: '/shop.ShopTcc/ReserveCancel',
    },
    mode: 'tcc',
    driver: 'initiator',
    dialect: 'tercet',
    phaseOne: 'done',
    status: 'registered',
    notAfter: 1_700_000_099_000,
    attempts: 0,
    firstAt: undefined,
    lastAt: undefined,
    nextAt: undefined,
    lastFailure: undefined,
    stuckReason: undefined,
    parked: false,
    verdict: undefined,
    waitsFor: undefined,
    ...over,
  };
}

/** The answer that shows a transaction. */
export function told(transaction = aView(), result?: Uint8Array): Answer<TransactionReply> {
  return ok({ transaction, result });
}

/** A confirmed transaction of another run, unless told otherwise. */
export function aView(over: Partial<TransactionView> = {}): TransactionView {
  return {
    gid: 'order-1',
    runId: 'f'.repeat(32),
    name: 'checkout',
    status: 'confirmed',
    reached: 'settled',
    labels: {},
    trace: undefined,
    openedAt: 1_700_000_000_000,
    deadlineAt: 1_700_000_060_000,
    decidedAt: 1_700_000_001_000,
    finishedAt: 1_700_000_002_000,
    cause: 'commit',
    reason: '',
    branches: [],
    ...over,
  };
}
