/**
 * The three lines of a transaction (initiator to coordinator, initiator to participant, coordinator to participant)
 * as real gRPC, on which a test loses what it wants: an answer after the call took effect, a call before it arrived.
 */
import { TercetError, grpcCode } from '@tercet/core';
import { systemRandom } from '@tercet/runtime';
import type { ParticipantCall, ParticipantCaller } from '@tercet/coordinator';
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
  TryCall,
  TryCaller,
  TryReply,
  WaitRequest,
} from '@tercet/sdk';
// eslint-disable-next-line import-x/no-relative-packages -- the coordinator's own adapter, wrapped
import { GrpcParticipantCaller } from '../../../packages/coordinator/src/participant/grpc-participant-caller';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own adapters, wrapped
import { CoordinatorChannels } from '../../../packages/sdk/src/grpc/coordinator-channels';
// eslint-disable-next-line import-x/no-relative-packages -- the same
import { GrpcCoordinatorTransport } from '../../../packages/sdk/src/grpc/grpc-coordinator-transport';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own adapters, wrapped
import { GrpcTryCaller } from '../../../packages/sdk/src/grpc/grpc-try-caller';
import { type Gate } from './gate';

/** Calls of the coordinator that are lost or watched. */
export type Command = 'register' | 'commit' | 'rollback';

interface Sent {
  readonly command: Command;
  readonly bounds: CallBounds;
}

/** The initiator's line to the coordinator. */
export class CoordinatorLine implements CoordinatorTransport {
  /** What left, in order. */
  readonly left: Command[] = [];
  /** The first registration that left. */
  opened: RegisterRequest | undefined;
  private silent = false;
  private readonly losses: { readonly command: Command; readonly then: () => Promise<void> }[] = [];
  private readonly inner: GrpcCoordinatorTransport;

  constructor(readonly address: string) {
    this.inner = new GrpcCoordinatorTransport(
      new CoordinatorChannels([address], { random: systemRandom }),
    );
  }

  /** Loses the answer of the next such command, after the coordinator gave it; `then` happens in between. */
  loseAnswer(command: Command, then: () => Promise<void> = () => Promise.resolve()): void {
    this.losses.push({ command, then });
  }

  /** From now on decisions do not leave and are never answered: their process has died. */
  silence(): void {
    this.silent = true;
  }

  registerBranches(request: RegisterRequest, bounds: CallBounds): Promise<Answer<RegisterReply>> {
    this.opened ??= request;
    return this.sent({ command: 'register', bounds }, () =>
      this.inner.registerBranches(request, bounds),
    );
  }

  commit(request: CommitRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.sent({ command: 'commit', bounds }, () => this.inner.commit(request, bounds));
  }

  rollback(request: RollbackRequest, bounds: CallBounds): Promise<Answer<DecisionReply>> {
    return this.sent({ command: 'rollback', bounds }, () => this.inner.rollback(request, bounds));
  }

  getTransaction(request: GetRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    return this.inner.getTransaction(request, bounds);
  }

  waitTransaction(request: WaitRequest, bounds: CallBounds): Promise<Answer<TransactionReply>> {
    return this.inner.waitTransaction(request, bounds);
  }

  close(): void {
    this.inner.close();
  }

  private async sent<T>(
    { command, bounds }: Sent,
    call: () => Promise<Answer<T>>,
  ): Promise<Answer<T>> {
    this.left.push(command);
    const place = this.losses.findIndex((loss) => loss.command === command);
    const [loss] = place < 0 ? [] : this.losses.splice(place, 1);
    if (this.silent && command !== 'register') return await never(bounds);
    const answer = await call();
    if (loss === undefined) return answer;
    await loss.then();
    return lost();
  }
}

function lost(): Answer<never> {
  const message = 'lost on its way';
  return { kind: 'lost', error: new TercetError('COORDINATOR_UNAVAILABLE', { message }) };
}

async function never({ signal }: CallBounds): Promise<Answer<never>> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  return lost();
}

/** What becomes of a call on its way. */
export type Fate =
  /** Nothing happens to it. */
  | 'through'
  /** It never arrives by itself. */
  | 'lost'
  /** It takes effect, its answer is lost. */
  | 'answer-lost'
  /** It goes on until it ends or its deadline passes, whoever gives it up. */
  | 'deaf'
  /** Its end is not seen before the gate opens, whoever gives the call up. */
  | Gate;

const unavailable = {
  code: grpcCode.UNAVAILABLE,
  message: 'lost on its way',
  verdict: undefined,
  retryAfterMs: undefined,
  peer: undefined,
};

/** The initiator's line to participants. */
export class TryLine implements TryCaller {
  /** Every Try that left, in order. */
  readonly left: TryCall[] = [];
  private readonly fates: Fate[] = [];
  private readonly inner = new GrpcTryCaller();

  /** What becomes of the next Tries, one each. */
  next(...fates: readonly Fate[]): void {
    this.fates.push(...fates);
  }

  /** Branch ids of the Tries that left. */
  get branches(): string[] {
    return this.left.map(({ metadata }) => String(metadata['tercet-branch-id']));
  }

  /** A Try that left arrives at `target`, now: for the first time or once more, through another path. */
  arrive(call: TryCall, target: string): Promise<TryReply> {
    const signal = new AbortController().signal;
    return this.inner.call({ ...call, target, deadlineMs: 20_000, signal });
  }

  async call(call: TryCall): Promise<TryReply> {
    this.left.push(call);
    const fate = this.fates.shift();
    if (fate === 'lost') return { ...unavailable, ...nothing };
    const { signal } = fate === 'deaf' ? new AbortController() : call;
    const reply = await this.inner.call({ ...call, signal });
    if (fate === undefined || fate === 'through' || fate === 'deaf') return reply;
    if (fate === 'answer-lost') return { ...unavailable, ...nothing };
    await fate.opened;
    return reply;
  }

  close(): void {
    this.inner.close();
  }
}

const nothing = { payload: undefined, rejectDetails: undefined, branches: [] };

/** The coordinator's line to participants. */
export class PhaseTwoLine implements ParticipantCaller {
  /** `confirm 1`, `cancel 2`, … in the order in which they left. */
  readonly left: string[] = [];
  readonly calls: ParticipantCall[] = [];
  private readonly fates = new Map<string, ('lost' | 'answer-lost')[]>();
  private readonly inner = new GrpcParticipantCaller();

  /** What becomes of the next calls `phase branch`, one each. */
  next(key: string, ...fates: readonly ('lost' | 'answer-lost')[]): void {
    this.fates.set(key, [...(this.fates.get(key) ?? []), ...fates]);
  }

  async call(call: ParticipantCall): ReturnType<ParticipantCaller['call']> {
    const key = `${call.context.phase} ${call.context.branchId}`;
    this.left.push(key);
    this.calls.push(call);
    const fate = this.fates.get(key)?.shift();
    if (fate === 'lost') return unavailable;
    const reply = await this.inner.call(call);
    return fate === undefined ? reply : unavailable;
  }

  connection(target: string): ReturnType<ParticipantCaller['connection']> {
    return this.inner.connection(target);
  }

  whenReady(target: string, listener: () => void): () => void {
    return this.inner.whenReady(target, listener);
  }

  close(): void {
    this.inner.close();
  }
}
