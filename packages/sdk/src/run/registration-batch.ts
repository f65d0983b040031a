/**
 * Registers branches: what is started in the same turn of the event loop leaves as one request.
 *
 * B1 Where the run opens its transaction, a registration carries `opening` until one was answered, so whichever
 *    arrives first creates it. Where it joins one, none ever does: only the initiator may create a gid.
 * B2 Repeats of a registration differ only in the time left.
 * B3 Nothing is sent after the run stopped.
 */
import { type BranchSpec, type Opening, TercetError, limits } from '@tercet/core';
import type { Answer, CoordinatorTransport } from '../coordinator/coordinator-transport';
import { type TimePorts, isPassing, repeat } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import type { RunControl } from './run-control';
import type { RunIdentity } from './run-plan';

/** Payload bytes of one request; a larger branch travels alone. gRPC servers take 4 MiB by default. */
const REQUEST_BYTES_MAX = 1_048_576;
/** Lost like this, a registration was answered by no coordinator. */
const unanswered: readonly string[] = [
  'COORDINATOR_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CALL_CANCELLED',
];

/** A branch that was registered. */
export interface Registered {
  /** Goes into `tercet-not-after`, unchanged. */
  readonly notAfter: number;
  /** What was left of phase one by the coordinator's clock, milliseconds. */
  readonly remainingMs: number;
}

/** How a coordinator that answered no registration was silent. */
export interface Silence {
  /** Since the first attempt, milliseconds. */
  readonly lasted: number;
  /** Every attempt failed because nobody could be reached. */
  readonly away: boolean;
  /** What tells most; undefined where every attempt was given up. */
  readonly last: TercetError | undefined;
}

/** What registering needs. */
export interface RegistrationDeps extends TimePorts {
  readonly coordinator: CoordinatorTransport;
  readonly identity: RunIdentity;
  /** How the transaction is opened with so many milliseconds left; undefined = it joins one that exists. */
  readonly opening: ((leftMs: number) => Opening) | undefined;
  readonly control: RunControl;
  readonly deadline: Deadline;
}

interface Waiting {
  readonly spec: BranchSpec;
  readonly answer: (answer: Answer<Registered>) => void;
}

/** The registrations of one run. */
export class RegistrationBatch {
  private waiting: Waiting[] = [];
  private answered = false;
  private possible = false;
  private heard = false;
  private lost = 0;
  private away = 0;
  private lastLoss: TercetError | undefined;
  private lastAway: TercetError | undefined;
  private firstLeftMs: number | undefined;

  constructor(private readonly deps: RegistrationDeps) {}

  /** A registration was answered with OK: the transaction exists. */
  get exists(): boolean {
    return this.answered;
  }

  /** The coordinator may know this run's transaction: a registration was sent and not refused. */
  get mayExist(): boolean {
    return this.possible;
  }

  /** What is known of a coordinator that has answered no registration; undefined where it has, or was not asked. */
  get silence(): Silence | undefined {
    if (this.heard || this.lost === 0) return undefined;
    return {
      lasted: (this.firstLeftMs ?? 0) - this.deps.deadline.leftMs(),
      away: this.away === this.lost,
      // "Connection refused" tells more than that the last attempt had no time left.
      last: this.lastAway ?? this.lastLoss,
    };
  }

  /** Registers a branch, with others of the same turn. Never rejects. */
  register(spec: BranchSpec): Promise<Answer<Registered>> {
    return new Promise((answer) => {
      this.waiting.push({ spec, answer });
      if (this.waiting.length === 1) this.deps.scheduler.soon(() => this.flush());
    });
  }

  private flush(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const group of grouped(waiting)) void this.send(group);
  }

  private async send(group: readonly Waiting[]): Promise<void> {
    const { identity, control, deadline, coordinator } = this.deps;
    const opening = this.answered ? undefined : this.deps.opening;
    const { answer, attempts } = await repeat(this.deps, {
      deadline,
      waitMs: 0,
      signals: [control.signal],
      again: isPassing,
      attempt: async (bounds) => {
        this.firstLeftMs ??= deadline.leftMs();
        const attempt = await coordinator.registerBranches(
          {
            gid: identity.gid,
            runId: identity.runId,
            opening: opening?.(deadline.leftMs()),
            branches: group.map((each) => each.spec),
          },
          bounds,
        );
        this.note(attempt);
        return attempt;
      },
    });
    if (answer.kind === 'ok') this.answered = true;
    if (attempts > 0 && !leavesNothing(answer, attempts)) this.possible = true;
    if (answer.kind !== 'ok') return group.forEach((each) => each.answer(answer));
    const { status, remainingMs, branches } = answer.reply;
    const notAfters = new Map(branches.map((branch) => [branch.id, branch.notAfter]));
    for (const each of group) {
      const notAfter = notAfters.get(each.spec.id);
      if (status !== 'trying') each.answer(decided(identity, status));
      else if (notAfter === undefined) each.answer(incomplete(each.spec));
      else each.answer({ kind: 'ok', reply: { notAfter, remainingMs } });
    }
  }

  private note(answer: Answer<unknown>): void {
    if (answer.kind !== 'lost' || !unanswered.includes(answer.error.code)) {
      this.heard = true;
      return;
    }
    const { error } = answer;
    this.lost += 1;
    if (error.code !== 'CALL_CANCELLED') this.lastLoss = error;
    if (error.code !== 'COORDINATOR_UNAVAILABLE') return;
    this.away += 1;
    this.lastAway = error;
  }
}

/** A refusal changed nothing, unless an earlier attempt was lost or it says that the transaction is decided. */
function leavesNothing(answer: Answer<unknown>, attempts: number): boolean {
  return answer.kind === 'refused' && attempts === 1 && answer.error.code !== 'ALREADY_DECIDED';
}

function decided({ gid }: RunIdentity, status: string): Answer<never> {
  const error = new TercetError('ALREADY_DECIDED', { details: { gid, status } });
  return { kind: 'refused', error };
}

function incomplete(spec: BranchSpec): Answer<never> {
  const message = `the coordinator’s answer does not name branch ${spec.id}`;
  return { kind: 'lost', error: new TercetError('INTERNAL', { message }) };
}

function grouped(waiting: readonly Waiting[]): readonly Waiting[][] {
  const groups: Waiting[][] = [];
  let group: Waiting[] = [];
  let bytes = 0;
  for (const each of waiting) {
    const more = bytesOf(each.spec);
    const full = bytes + more > REQUEST_BYTES_MAX || group.length === limits.branchesMax;
    if (group.length > 0 && full) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(each);
    bytes += more;
  }
  return [...groups, group];
}

function bytesOf(spec: BranchSpec): number {
  const { payload, confirmPayload, cancelPayload } = spec;
  return payload.length + (confirmPayload?.length ?? 0) + (cancelPayload?.length ?? 0);
}
