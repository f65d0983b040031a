/** What initiators may ask, free of any transport: unary RPCs use it now, streams will use the same. */
import {
  type BranchId,
  type BranchSpec,
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
import type { Engine } from '../engine/engine';
import { checkBranches, checkCount, checkOpening, checkWait, notBuilt } from './validation';

/** What the transport knows of the caller. */
export interface CallContext {
  /** Unix ms at which the caller stops waiting; undefined = it named no deadline. */
  readonly expiresAt: number | undefined;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
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

/** The five calls of the Coordinator service. All reject with TercetError and may be repeated. */
export class TransactionService {
  constructor(
    private readonly engine: Engine,
    private readonly clock: Clock,
  ) {}

  /** Makes branches durable; resolves only while their Tries may be sent. */
  async register(request: RegisterRequest, call: CallContext): Promise<RegisterAnswer> {
    const { gid, runId, opening, branches } = request;
    if (opening !== undefined) checkOpening(opening);
    checkBranches(branches);
    const event = { kind: 'register', runId, opening, branches } as const;
    const tx = await this.engine.submit(gid, event, { expiresAt: call.expiresAt });
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
    if (request.result !== undefined) throw notBuilt('result', 'a value for attached runs');
    const { gid, runId, branchIds } = request;
    const tx = await this.engine.submit(gid, { kind: 'commit', runId, branchIds });
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
  get(gid: Gid): Promise<GlobalTransaction> {
    return this.engine.get(gid);
  }

  /** The present truth once the fact holds, or when the time is up. */
  async wait(
    gid: Gid,
    wish: WaitWish & { readonly fact: Fact },
    call: CallContext,
  ): Promise<GlobalTransaction> {
    checkWait(wish.waitMs);
    return await this.engine.wait(gid, {
      fact: wish.fact,
      timeoutMs: wish.waitMs,
      signal: call.signal,
    });
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
