/** What initiators may ask, free of any transport: unary RPCs and the commands of a session come here. */
import {
  type BranchId,
  type BranchSpec,
  type CallSignal,
  type Clock,
  type Fact,
  type Gid,
  type GlobalTransaction,
  type Opening,
  type RunId,
  type TryOutcome,
  factReached,
  findBranch,
  holds,
} from '@tercet/core';
import type { EngineCommands } from '../engine/present-engine';
import { type IsOwnAddress, TargetCheck } from './target';
import { checkBranches, checkCount, checkOpening, checkResult, checkWait } from './validation';

/** What the transport knows of the caller. */
export interface CallContext {
  /** Unix ms at which the caller stops waiting; undefined = it named no deadline. */
  readonly expiresAt: number | undefined;
  /** Aborted when the caller is gone. */
  readonly signal: CallSignal;
}

/** Registers branches, and opens the transaction where `opening` is present. */
export interface RegisterRequest {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly opening: Opening | undefined;
  readonly branches: readonly BranchSpec[];
}

/** OK: these Tries may be sent. */
export interface RegisterAnswer {
  readonly tx: GlobalTransaction;
  /** Milliseconds left of phase one. */
  readonly remainingMs: number;
  /** In the order of the request. */
  readonly registered: readonly { readonly id: BranchId; readonly notAfter: number }[];
}

/** How long a decision may wait for more than itself. */
export interface WaitWish {
  /** Undefined = answer as soon as it is decided. */
  readonly fact: Fact | undefined;
  readonly waitMs: number;
}

/** Decides confirm. */
export interface CommitRequest {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly branchIds: readonly BranchId[];
  /** Value for runs that attach later; kept where this commit decides. */
  readonly result: Uint8Array | undefined;
  readonly wait: WaitWish;
}

/** Decides cancel. */
export interface RollbackRequest {
  readonly gid: Gid;
  readonly runId: RunId;
  readonly reason: string;
  readonly tries: ReadonlyMap<BranchId, TryOutcome>;
  readonly wait: WaitWish;
}

/** Asks for the present truth. */
export interface GetRequest {
  readonly gid: Gid;
  /** Whether the value that Commit carried is wanted, too. */
  readonly withResult: boolean;
}

/** Asks for it once a fact holds. */
export interface WaitRequest extends GetRequest {
  readonly fact: Fact;
  readonly waitMs: number;
}

/** The present truth. */
export interface Found {
  readonly tx: GlobalTransaction;
  /** Undefined = not asked for, or there is none. */
  readonly result: Uint8Array | undefined;
}

/** What is known of targets besides their form. */
export interface TargetRules {
  /** Whether the coordinator itself listens there. */
  readonly isOwn: IsOwnAddress;
  /** Told of branches that are durable. */
  readonly onRegistered: (branches: readonly BranchSpec[]) => void;
}

/** The five calls of the Coordinator service. All reject with TercetError and may be repeated. */
export class TransactionService {
  private readonly targetCheck: TargetCheck;

  constructor(
    private readonly engine: EngineCommands,
    private readonly clock: Clock,
    private readonly targets: TargetRules,
  ) {
    this.targetCheck = new TargetCheck(targets.isOwn);
  }

  /** Makes branches durable; resolves only while their Tries may be sent. */
  async register(request: RegisterRequest, call: CallContext): Promise<RegisterAnswer> {
    const { gid, runId, opening, branches } = request;
    if (opening !== undefined) checkOpening(opening);
    checkBranches(branches);
    this.targetCheck.check(branches);
    const event = { kind: 'register', runId, opening, branches } as const;
    const tx = await this.engine.submit(gid, event, { expiresAt: call.expiresAt });
    this.targets.onRegistered(branches);
    return {
      tx,
      remainingMs: Math.max(0, tx.deadlineAt - this.clock.now()),
      registered: branches.map(({ id }) => ({ id, notAfter: findBranch(tx, id)?.notAfter ?? 0 })),
    };
  }

  /** Decides confirm and waits as wished. */
  async commit(request: CommitRequest, call: CallContext): Promise<GlobalTransaction> {
    checkWait(request.wait.waitMs);
    checkCount('branch_ids', request.branchIds.length);
    const { gid, runId, branchIds, result } = request;
    if (result !== undefined) checkResult(result);
    const tx = await this.engine.submit(gid, { kind: 'commit', runId, branchIds, result });
    return await this.afterDecision(tx, request.wait, call);
  }

  /** Decides cancel and waits as wished. */
  async rollback(request: RollbackRequest, call: CallContext): Promise<GlobalTransaction> {
    checkWait(request.wait.waitMs);
    checkCount('tries', request.tries.size);
    const { gid, runId, reason, tries } = request;
    const tx = await this.engine.submit(gid, { kind: 'rollback', runId, reason, tries });
    return await this.afterDecision(tx, request.wait, call);
  }

  /** The present truth. */
  async get({ gid, withResult }: GetRequest): Promise<Found> {
    return await this.found(await this.engine.get(gid), withResult);
  }

  /** The present truth once the fact holds, or when the time is up. */
  async wait({ gid, fact, waitMs, withResult }: WaitRequest, call: CallContext): Promise<Found> {
    checkWait(waitMs);
    const wish = { fact, timeoutMs: waitMs, signal: call.signal };
    return await this.found(await this.engine.wait(gid, wish), withResult);
  }

  /** The result became durable with the decision, so it is there as soon as the transaction shows that. */
  private async found(tx: GlobalTransaction, withResult: boolean): Promise<Found> {
    return { tx, result: withResult ? await this.engine.result(tx.gid) : undefined };
  }

  private async afterDecision(
    tx: GlobalTransaction,
    wish: WaitWish,
    call: CallContext,
  ): Promise<GlobalTransaction> {
    if (wish.fact === undefined || wish.waitMs === 0 || holds(factReached(tx), wish.fact))
      return tx;
    return await this.engine.wait(tx.gid, {
      fact: wish.fact,
      timeoutMs: wish.waitMs,
      signal: call.signal,
    });
  }
}
