/**
 * Nested work: the branches that the handler of a Try adds to the transaction of its branch.
 *
 * N1 Ids are `<parent>.1`, `<parent>.2`, … in the order of the calls, one counter for all `use` of a call; each
 *    attempt counts anew, so a repeated Try registers the same branches.
 * N2 A nested branch is durable before its Try leaves, and none of its registrations opens a transaction.
 * N3 None starts after the handler has ended; one that would is a failed one. The parent's answer leaves after every
 *    nested Try has ended, awaited by the handler or not. The caller's giving up and the client's closing abort them.
 * N4 A nested Try that failed fails its parent, whatever the handler makes of it. What failed first counts, a handler
 *    that throws included: it stops the nested Tries that still run, and how they end adds nothing, but that a retry
 *    no longer holds.
 * N5 First failed by a reject, and the handler lets that very error through or rejects: the parent rejects. `reject`
 *    speaks of the parent's own branch; the nested ones are registered, so each of them gets its Cancel.
 * N6 In every other case the parent's end is unknown, a handler's OK, retry and park included; so is each parent of
 *    a nested Try whose end is unknown.
 * N7 An OK names every branch below it whose Try succeeded, nested ones of nested ones included.
 */
import { type BranchId, TercetError, type TraceContext, limits } from '@tercet/core';
import { onAbort } from '../abort';
import type { Deadline } from '../deadline';
import type { TccDefinition } from '../define-tcc';
import { ConfigError } from '../errors';
import type { Joining } from '../joining';
import { branchIds } from '../run/branch-ids';
import type { TryStart } from '../run/branch-spec';
import { RegistrationBatch } from '../run/registration-batch';
import { RunControl } from '../run/run-control';
import type { RunIdentity } from '../run/run-plan';
import { tccProxy } from '../run/tcc-proxy';
import { Tries } from '../run/tries';
import type { ServiceLike } from '../service-definition';
import type { ActionMap } from '../tcc-action';
import type { TccProxy, UseOptions } from '../transaction-context';
import type { CallHeaders } from './call-headers';
import { type HandlerEnd, type NestedFailure, endOfParent } from './nested-failure';

/** The call of a Try whose handler may add branches. */
export interface ParentCall {
  readonly headers: CallHeaders;
  readonly trace: TraceContext | undefined;
  /** When its caller stops waiting. */
  readonly deadline: Deadline;
  /** Aborted when the caller gave the call up. */
  readonly signal: AbortSignal;
}

/** What the first nested Try of a call brings into being. */
interface Opened {
  readonly control: RunControl;
  readonly tries: Tries;
  /** Removes the listeners. */
  release(): void;
}

/** The nested work of one call. Costs nothing where there is none. */
export class NestedWork {
  private readonly pending = new Set<Promise<unknown>>();
  private opened: Opened | undefined;
  private failure: NestedFailure | undefined;
  private handlerThrew = false;
  private ended = false;

  constructor(
    private readonly client: Joining,
    private readonly parent: ParentCall,
  ) {}

  /** The actions of another participant. Throws ConfigError. */
  use<S extends ServiceLike, A extends ActionMap>(
    definition: TccDefinition<S, A>,
    use: UseOptions,
  ): TccProxy<S, A> {
    checkDepth(this.parent.headers.branchId);
    return tccProxy({ start: (start) => this.start(start) }, definition, use);
  }

  /**
   * To be called when the handler has ended, and again by whoever may have changed its end. Waits for every nested
   * Try, and says how the parent ends by these rules.
   */
  async conclude(end: HandlerEnd): Promise<HandlerEnd> {
    this.ended = true;
    if (end.kind === 'threw') {
      this.handlerThrew = true;
      this.opened?.control.fail(end.error);
    }
    await Promise.allSettled(this.pending);
    return this.failure === undefined ? end : endOfParent(end, this.failure);
  }

  /** The last `conclude`. */
  async close(end: HandlerEnd): Promise<HandlerEnd> {
    const concluded = await this.conclude(end);
    this.opened?.release();
    return concluded;
  }

  /** The branches below this one whose Try succeeded, in their order. */
  succeeded(): readonly BranchId[] {
    return [...(this.opened?.tries.succeeded() ?? [])].sort(byNumbers);
  }

  private start(start: TryStart): Promise<unknown> {
    const reply = this.carryOut(start);
    const forget = (): void => void this.pending.delete(reply);
    this.pending.add(reply);
    reply.then(forget, forget);
    return reply;
  }

  private async carryOut(start: TryStart): Promise<unknown> {
    let branchId: BranchId | undefined;
    try {
      if (this.ended) throw tooLate(this.parent.headers.branchId);
      return await this.client.track(() => {
        this.opened ??= open(this.client, this.parent);
        const { tries } = this.opened;
        const before = tries.branches.length;
        const reply = tries.start(start);
        branchId = tries.branches[before]?.spec.id;
        return reply;
      });
    } catch (error) {
      const { name } = start.action;
      this.failure ??= { action: name, branchId, error, stopped: this.handlerThrew };
      throw error;
    }
  }
}

function open({ deps }: Joining, { headers, trace, deadline, signal }: ParentCall): Opened {
  const control = new RunControl();
  const identity: RunIdentity = { gid: headers.gid, runId: headers.runId, trace };
  const shared = { ...deps, identity, control, deadline };
  const batch = new RegistrationBatch({ ...shared, opening: undefined });
  const tries = new Tries({ ...shared, batch, nextId: branchIds(headers.branchId) });
  const stop = (message: string) => (cause: unknown) =>
    control.fail(new TercetError('CALL_CANCELLED', { message, cause }));
  const releases = [
    onAbort(signal, stop('the caller of the Try that this one is nested in gave up')),
    onAbort(deps.closing, stop('the client was closed')),
  ];
  return { control, tries, release: () => releases.forEach((release) => release()) };
}

function checkDepth(parent: BranchId): void {
  const depth = parent.split('.').length;
  if (depth < limits.nestingMax) return;
  throw new ConfigError(
    `ctx.use: branches nest at most ${limits.nestingMax} deep, and branch ${parent} is ${depth} deep; let a branch further up call that participant`,
  );
}

function tooLate(parent: BranchId): TercetError {
  return new TercetError('CALL_CANCELLED', {
    message: `this Try was not sent: the handler of branch ${parent}, in which it is nested, has ended`,
  });
}

/** `1.2` before `1.10`, a branch before those nested in it. */
function byNumbers(a: BranchId, b: BranchId): number {
  const left = a.split('.');
  const right = b.split('.');
  const at = left.findIndex((part, i) => part !== right[i]);
  if (at === -1) return left.length - right.length;
  return right[at] === undefined ? 1 : Number(left[at]) - Number(right[at]);
}
