/** How a test says what happens to calls. */
import { type Duration, type Phase, grpcCode, nearest } from '@tercet/core';
import { ConfigError, type TccAction } from '@tercet/sdk';
import { durationMs } from '../options';
import { statusName } from '../history';
import type { FaultKind, FaultLine, FaultPlan, PlannedFault } from './fault';

/** Any definition of `defineTcc`. */
export interface DefinitionLike {
  readonly serviceName: string;
  readonly actions: Readonly<Record<string, TccAction>>;
}

/** More about an error that a call is answered with. */
export interface FailureOptions {
  /** Default: a text that says it was made by a fault. */
  readonly message?: string;
  /**
   * As a participant on the SDK answers with TccReject, TccRetry and TccPark, and its barrier with `conflict`; the code must
   * be FAILED_PRECONDITION. Default: none.
   */
  readonly verdict?: 'reject' | 'retry' | 'park' | 'conflict';
}

/**
 * What happens to the calls of some methods. Faults queue: each call meets the first one that has times left, so
 * `failTimes(2, …).dropReply()` fails two calls and loses the answer of the third. `times` is a whole number, or
 * Infinity for every call until `clear`. Each method returns the script itself, and throws ConfigError where an argument is wrong.
 */
export interface FaultScript {
  /** The next `times` calls end with `code` and never reach the participant. */
  failTimes(times: number, code: number, options?: FailureOptions): FaultScript;
  /** The participant does its work, and its answer is lost: the caller sees UNAVAILABLE. Default once. */
  dropReply(times?: number): FaultScript;
  /** The call arrives twice at the same time; the caller gets the answer of the first. Default once. */
  duplicate(times?: number): FaultScript;
  /** The call leaves so much later, in virtual time. Its deadline counts meanwhile. Default once. */
  delay(by: Duration, times?: number): FaultScript;
  /** The call never arrives and is never answered: its deadline ends it, in virtual time. Default once. */
  hang(times?: number): FaultScript;
  /**
   * The initiator sees its Try fail with UNAVAILABLE while it is still on its way; it arrives as soon as the Cancel of its
   * branch was answered. Acts on Try only. Default once.
   */
  reorderCancelBeforeTry(times?: number): FaultScript;
  /** Takes back what this script has planned. Calls under way keep what they met. */
  clear(): void;
}

/** Where scripts begin. */
export interface Faults {
  /** Calls of one method: `env.faults.on(StockTccService.reserveConfirm)`, any object with its full `path`. */
  on(method: { readonly path: string }): FaultScript;
  /** Calls of an action's phases; without a phase, of all three. */
  on<D extends DefinitionLike>(
    definition: D,
    action: keyof D['actions'] & string,
    ...phases: readonly Phase[]
  ): FaultScript;
  /** Takes back everything that is planned. */
  clear(): void;
}

const allPhases: readonly Phase[] = ['try', 'confirm', 'cancel'];

/** Writes into a plan. */
export class FaultScripts implements Faults {
  constructor(private readonly plan: FaultPlan) {}

  on(
    about: DefinitionLike | { readonly path: string },
    action?: string,
    ...phases: readonly Phase[]
  ): FaultScript {
    const methods = isMethod(about) ? [about.path] : methodsOf(about, action, phases);
    const script = new Script(new Set(methods));
    this.plan.add(script);
    return script;
  }

  clear(): void {
    this.plan.clear();
  }
}

class Script implements FaultScript, FaultLine {
  planned: PlannedFault[] = [];

  constructor(private readonly methods: ReadonlySet<string>) {}

  covers(method: string): boolean {
    return this.methods.has(method);
  }

  failTimes(times: number, code: number, options: FailureOptions = {}): FaultScript {
    const name = checkedCode(code, options);
    const { message = `made to fail with ${name} by env.faults`, verdict } = options;
    return this.plan('failTimes', times, { kind: 'fail', code, message, verdict });
  }

  dropReply(times = 1): FaultScript {
    return this.plan('dropReply', times, { kind: 'dropReply' });
  }

  duplicate(times = 1): FaultScript {
    return this.plan('duplicate', times, { kind: 'duplicate' });
  }

  delay(by: Duration, times = 1): FaultScript {
    return this.plan('delay', times, { kind: 'delay', ms: durationMs('delay', by) });
  }

  hang(times = 1): FaultScript {
    return this.plan('hang', times, { kind: 'hang' });
  }

  reorderCancelBeforeTry(times = 1): FaultScript {
    return this.plan('reorderCancelBeforeTry', times, { kind: 'reorder' });
  }

  clear(): void {
    this.planned = [];
  }

  private plan(name: string, times: number, what: FaultKind): FaultScript {
    if (times !== Number.POSITIVE_INFINITY && (!Number.isInteger(times) || times < 1)) {
      throw new ConfigError(
        `faults: ${name} takes a whole number of times from 1 on, or Infinity, got ${String(times)}`,
        { option: 'times' },
      );
    }
    this.planned.push({ what, left: times });
    return this;
  }
}

function isMethod(about: object): about is { readonly path: string } {
  return typeof Reflect.get(about, 'path') === 'string';
}

function methodsOf(
  { actions, serviceName }: DefinitionLike,
  name: string | undefined,
  phases: readonly Phase[],
): readonly string[] {
  const action = name === undefined ? undefined : actions[name];
  if (action === undefined) {
    const known = Object.keys(actions);
    const meant = nearest(name ?? '', known);
    const question = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    throw new ConfigError(
      `faults.on: ${serviceName} has no action ${String(name)}${question}; its actions are ${known.join(', ')}`,
      { option: 'action' },
    );
  }
  const wrong = phases.find((phase) => !allPhases.includes(phase));
  if (wrong !== undefined) {
    throw new ConfigError(
      `faults.on: a phase is one of ${allPhases.join(', ')}, got ${String(wrong)}`,
      { option: 'phase' },
    );
  }
  const wanted = phases.length === 0 ? allPhases : phases;
  return wanted.map((phase) => action.methods[phase].path);
}

function checkedCode(code: number, { verdict }: FailureOptions): string {
  const known = Object.values(grpcCode).includes(code as never);
  if (!known || code === grpcCode.OK) {
    throw new ConfigError(
      `faults: failTimes takes a gRPC code other than OK, such as status.UNAVAILABLE (14), got ${String(code)}`,
      { option: 'code' },
    );
  }
  if (verdict !== undefined && code !== grpcCode.FAILED_PRECONDITION) {
    throw new ConfigError(
      `faults: a verdict comes with FAILED_PRECONDITION (9), not with ${statusName(code)}: the coordinator would not read it`,
      { option: 'verdict' },
    );
  }
  return statusName(code);
}
