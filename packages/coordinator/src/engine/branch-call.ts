import type { BranchSpec, CallFailure } from '@tercet/core';
import type { GateReply } from './gate-entry';
import type { GatedCall, Resident } from './resident';

/** What carries a gated call out. */
export interface BranchCallWork {
  /** Makes the call; undefined = nobody wants it any more, it was not sent. Never rejects. */
  carryOut(call: BranchCall): Promise<GateReply | undefined>;
  /** The call is held back because its target is down. */
  heldBack(call: BranchCall, failure: CallFailure): void;
}

/** One due branch between the moment it is handed to its target's gate and the end of its call. */
export class BranchCall implements GatedCall {
  running = false;
  place: number | undefined;
  readonly ended: (() => void)[] = [];

  constructor(
    readonly resident: Resident,
    private readonly spec: BranchSpec,
    private readonly work: BranchCallWork,
  ) {}

  get branchId(): BranchSpec['id'] {
    return this.spec.id;
  }

  /** One and the same for all calls of a branch while its transaction is in memory. */
  get key(): object {
    return this.spec;
  }

  get target(): string {
    return this.spec.target;
  }

  run(): Promise<GateReply | undefined> {
    return this.work.carryOut(this);
  }

  held(failure: CallFailure): void {
    this.work.heldBack(this, failure);
  }
}
