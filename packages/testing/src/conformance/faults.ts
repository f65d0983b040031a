/**
 * What goes wrong in a call, on order: the participant dies, or one use of its database fails.
 *
 * F1 A fault belongs to one attempt of one phase of one branch, and strikes at most once.
 * F2 After a crash nothing of the call goes on: what a handler swallows does not save it, further uses of the database
 *    fail, too.
 */
import { TccReject } from '@tercet/sdk';

/** Where the participant dies. `after-handler`: the handlers guard by themselves, and have ended. */
export type CrashPoint = 'before-commit' | 'after-commit' | 'after-handler';

/** What goes wrong in one call. */
export type Fault =
  | { readonly kind: 'crash'; readonly at: CrashPoint }
  /** The participant dies before the `use`-th use of its database, 1 for the first. */
  | { readonly kind: 'crash-at-use'; readonly use: number }
  /** That use throws an Error, and nothing else happens. */
  | { readonly kind: 'failing-use'; readonly use: number }
  /** The handler does its work, then throws TccReject. */
  | { readonly kind: 'reject' }
  /** Nothing goes wrong: the uses are counted. */
  | { readonly kind: 'count-uses' };

/** Which call. The context of a handler is one, and so is the call of a barrier. */
export interface CallName {
  readonly runId: string;
  readonly branchId: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly attempt: number;
}

/** Stands for the death of the process. No handler throws it, and none should know it. */
export class InjectedCrash extends Error {
  override readonly name = 'InjectedCrash';
}

/** A fault that waits for its place in a call. */
export class ArmedFault {
  private happened = false;
  private count = 0;

  constructor(readonly fault: Fault) {}

  /** Whether it took place. */
  get struck(): boolean {
    return this.happened;
  }

  /** Whether the uses of the database matter to it. */
  get watches(): boolean {
    return this.fault.kind.endsWith('use') || this.fault.kind === 'count-uses';
  }

  /** How often the call has used its database. */
  get uses(): number {
    return this.count;
  }

  /** The database is about to be used. Throws where this use fails, or the process has died. */
  use(): void {
    this.count += 1;
    const { fault } = this;
    if (fault.kind === 'crash-at-use' && this.count >= fault.use) throw this.crash();
    if (fault.kind === 'failing-use' && this.count === fault.use) {
      this.happened = true;
      throw new Error('this use of the database failed, as checkParticipant wanted');
    }
  }

  /** The handler has returned. `committed`: what it did cannot be rolled back any more. */
  handlerReturned(committed: boolean): void {
    const { fault } = this;
    if (fault.kind === 'crash-at-use' && this.happened) throw this.crash();
    if (fault.kind === 'reject') {
      this.happened = true;
      throw new TccReject('rejected, as checkParticipant wanted');
    }
    const here = committed ? 'after-handler' : 'before-commit';
    if (fault.kind === 'crash' && fault.at === here) throw this.crash();
  }

  /** COMMIT was answered. */
  committed(): void {
    if (this.fault.kind === 'crash' && this.fault.at === 'after-commit') throw this.crash();
  }

  private crash(): InjectedCrash {
    this.happened = true;
    return new InjectedCrash('the participant died here, as checkParticipant wanted');
  }
}

/** The faults of one law. */
export class Faults {
  private readonly armed = new Map<string, ArmedFault>();
  private latest: ArmedFault | undefined;

  /** Orders a fault for a call that has not been made yet. */
  arm(call: CallName, fault: Fault): ArmedFault {
    const armed = new ArmedFault(fault);
    this.armed.set(keyOf(call), armed);
    this.latest = armed;
    return armed;
  }

  /** The call has ended. */
  disarm(call: CallName): void {
    if (this.armed.get(keyOf(call)) === this.latest) this.latest = undefined;
    this.armed.delete(keyOf(call));
  }

  /** The fault of a call; undefined = it goes well. */
  of(call: CallName): ArmedFault | undefined {
    return this.armed.get(keyOf(call));
  }

  /** The fault of the only call under way, for uses of a database of which nobody knows the call. */
  get current(): ArmedFault | undefined {
    return this.latest;
  }
}

function keyOf({ runId, branchId, phase, attempt }: CallName): string {
  return `${runId} ${branchId} ${phase} ${attempt}`;
}
