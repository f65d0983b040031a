/** What `get`, `wait` and the operator client tell of a transaction. Plain data, times in Unix milliseconds. */
import type {
  BranchDriver,
  BranchId,
  BranchMode,
  BranchStatus,
  CallFailure,
  Dialect,
  Fact,
  GlobalStatus,
  PhaseOneStatus,
  StuckReason,
  Tombstone,
  TraceContext,
  Verdict,
} from '@tercet/core';

/** A global transaction as the coordinator knew it when it answered. */
export interface TransactionView {
  readonly gid: string;
  /** The run that opened it. */
  readonly runId: string;
  readonly name: string;
  /** Durable status. */
  readonly status: GlobalStatus;
  /** Highest fact that held; undefined = undecided. `executed` may fall back to `decided` after a crash. */
  readonly reached: Fact | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly trace: TraceContext | undefined;
  /** Times by the coordinator's clock. */
  readonly openedAt: number;
  /** End of phase one. */
  readonly deadlineAt: number;
  /** undefined = undecided. */
  readonly decidedAt: number | undefined;
  /** undefined = unfinished. */
  readonly finishedAt: number | undefined;
  /** Why it was decided so; undefined = undecided. */
  readonly cause: DecisionCauseKind | undefined;
  /** Text that came with a rollback; may be empty. */
  readonly reason: string;
  /** In the order of registration. */
  readonly branches: readonly BranchView[];
  /** Present = only this is left of it: branches, labels, trace and reason are no longer kept. */
  readonly tombstone?: Tombstone | undefined;
}

/** Why a transaction was decided as it was. */
export type DecisionCauseKind = 'commit' | 'rollback' | 'timeout';

/** A branch of a transaction. */
export interface BranchView {
  /** Branch id: `1`, `2`, …; nested `1.1`. */
  readonly branch: BranchId;
  readonly action: string;
  /** gRPC service: `shop.StockTcc`. */
  readonly service: string;
  readonly target: string;
  /** Full method paths. */
  readonly methods: { readonly forward: string; readonly confirm: string; readonly cancel: string };
  readonly mode: BranchMode;
  readonly driver: BranchDriver;
  readonly dialect: Dialect;
  /** What the initiator told of the Try. */
  readonly phaseOne: PhaseOneStatus;
  /** Phase two. */
  readonly status: BranchStatus;
  /** Time from which the participant refuses to start the Try. */
  readonly notAfter: number;
  /** Confirm or Cancel calls that ended; may lag by one after a crash. */
  readonly attempts: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  /** Next planned attempt; undefined while it is parked or waits for another branch. */
  readonly nextAt: number | undefined;
  /** The last failed Confirm or Cancel. */
  readonly lastFailure: CallFailure | undefined;
  /** Why it is shown to operators; undefined = it is not stuck. */
  readonly stuckReason: StuckReason | undefined;
  /** Automatic retries are stopped until an operator resumes or resolves the branch. */
  readonly parked: boolean;
  /** What an operator asserted; undefined = nobody did. */
  readonly verdict: Verdict | undefined;
  /** The branch that has to answer before this one is called (ordered phase two); undefined = none. */
  readonly waitsFor: BranchId | undefined;
}
