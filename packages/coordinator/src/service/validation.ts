/** Checks of what clients send, before anything happens. Every error names the field and how to mend it. */
import {
  type BranchSpec,
  type Opening,
  TercetError,
  type TraceContext,
  describeText,
  isVisibleAscii,
  limits,
  traceProblem,
} from '@tercet/core';

const methodPattern = /^\/[A-Za-z_][A-Za-z0-9_.]*\/[A-Za-z_][A-Za-z0-9_]*$/;
/** What every store keeps as it is: a text that came back changed would make a repeat look like other work. */
const storableText = /^[^\0\p{Surrogate}]*$/u;
/** Services that no branch may call: Tercet's own, and gRPC's infrastructure. */
const reservedServices = /^\/(tercet\.v1|grpc)\./;

/** An INVALID_ARGUMENT that names the field. */
export function invalid(field: string, message: string): TercetError {
  return new TercetError('INVALID_ARGUMENT', {
    message: `${field}: ${message}`,
    details: { field },
  });
}

/** A NOT_BUILT_YET that names the field. */
export function notBuilt(field: string, what: string): TercetError {
  const message = `${field}: ${what} is not built yet`;
  return new TercetError('NOT_BUILT_YET', { message, details: { field } });
}

/** Checks how a transaction is to be opened. */
export function checkOpening(opening: Opening): void {
  refuse('open.name', nameProblem(opening.name));
  refuse('open.timeout_ms', durationProblem(opening.timeoutMs, limits.timeoutMsMax));
  if (opening.policy.onTimeout !== 'cancel') {
    throw notBuilt('open.policy.on_timeout', `on_timeout ${opening.policy.onTimeout}`);
  }
  if (opening.policy.phaseTwoOrder === 'dag') {
    throw notBuilt('open.policy.phase_two_order', 'order dag');
  }
  checkLabels(opening.labels);
  checkTrace(opening.trace);
}

/** Checks the branches of one registration. */
export function checkBranches(branches: readonly BranchSpec[]): void {
  if (branches.length === 0) throw invalid('branches', 'register at least one branch');
  if (branches.length > limits.branchesMax) {
    throw invalid(
      'branches',
      `at most ${limits.branchesMax} in a transaction, got ${branches.length}`,
    );
  }
  for (let i = 0; i < branches.length; i++) checkBranch(branches[i] as BranchSpec, i);
}

/** Checks a list with an entry for each branch. */
export function checkCount(field: string, count: number): void {
  if (count <= limits.branchesMax) return;
  throw invalid(
    field,
    `at most ${limits.branchesMax}, as many as a transaction has branches, got ${count}`,
  );
}

/** Checks a server-side wait. */
export function checkWait(waitMs: number): void {
  if (waitMs > limits.waitMsMax) {
    throw invalid(
      'wait_ms',
      `at most ${limits.waitMsMax} milliseconds, got ${waitMs}; wait again for more`,
    );
  }
}

/** Checks the value that a commit carries for attached runs. */
export function checkResult(result: Uint8Array): void {
  if (result.length <= limits.resultBytesMax) return;
  throw invalid('result', `at most ${limits.resultBytesMax} bytes, got ${result.length}`);
}

/** Checks what an operator vouches for: a verdict is kept for ever, so it has to say who and why. */
export function checkVerdict({
  by,
  reason,
}: {
  readonly by: string;
  readonly reason: string;
}): void {
  checkWritten('reason', reason, limits.textLengthMax);
  checkWritten('by', by, limits.operatorLengthMax);
}

/** A text of a person: not blank, and the same when it is read again. */
function checkWritten(field: string, text: string, lengthMax: number): void {
  if (text.trim() === '') throw invalid(field, `it must be set: 1 to ${lengthMax} characters`);
  if (text.length > lengthMax) {
    throw invalid(field, `at most ${lengthMax} characters, got ${text.length}`);
  }
  if (!storableText.test(text)) {
    throw invalid(field, `no NUL and no half of a character, got ${describeText(text)}`);
  }
}

function checkBranch(branch: BranchSpec, index: number): void {
  const { methods, deadlines, retry } = branch;
  refuseUnbuilt(branch, index);
  refuseIn(index, 'action', nameProblem(branch.action));
  refuseIn(index, 'forward_method', methodProblem(methods.forward));
  refuseIn(index, 'confirm_method', methodProblem(methods.confirm));
  refuseIn(index, 'cancel_method', methodProblem(methods.cancel));
  refuseIn(index, 'payload', payloadProblem(branch.payload));
  refuseIn(index, 'confirm_payload', payloadProblem(branch.confirmPayload));
  refuseIn(index, 'cancel_payload', payloadProblem(branch.cancelPayload));
  refuseIn(
    index,
    'forward_deadline_ms',
    durationProblem(deadlines.forwardMs, limits.durationMsMax),
  );
  refuseIn(
    index,
    'confirm_deadline_ms',
    durationProblem(deadlines.confirmMs, limits.durationMsMax),
  );
  refuseIn(index, 'cancel_deadline_ms', durationProblem(deadlines.cancelMs, limits.durationMsMax));
  refuseIn(
    index,
    'retry.first_delay_ms',
    durationProblem(retry.firstDelayMs, limits.durationMsMax),
  );
  refuseIn(index, 'retry.max_delay_ms', durationProblem(retry.maxDelayMs, limits.durationMsMax));
  refuseIn(
    index,
    'retry.first_delay_ms',
    retry.firstDelayMs > retry.maxDelayMs ? 'must not exceed max_delay_ms' : undefined,
  );
  refuseIn(index, 'stuck_after_ms', durationProblem(branch.stuckAfterMs, limits.durationMsMax));
  refuseIn(index, 'stuck_attempts', stuckAttemptsProblem(branch.stuckAttempts));
}

/** The field's name is put together only where it is needed: a dozen for each branch of each registration. */
function refuseIn(index: number, field: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalid(`branches[${index}].${field}`, problem);
}

function refuse(field: string, problem: string | undefined): void {
  if (problem !== undefined) throw invalid(field, problem);
}

function refuseUnbuilt(branch: BranchSpec, index: number): void {
  const at = (field: string): string => `branches[${index}].${field}`;
  if (branch.mode !== 'tcc') throw notBuilt(at('mode'), `mode ${branch.mode}`);
  if (branch.driver !== 'initiator') throw notBuilt(at('driver'), `driver ${branch.driver}`);
  if (branch.dialect !== 'tercet') throw notBuilt(at('dialect'), `dialect ${branch.dialect}`);
  if (branch.after.length > 0) throw notBuilt(at('after'), 'an order between branches');
}

function nameProblem(name: string): string | undefined {
  if (isVisibleAscii(name, limits.nameLengthMax)) return undefined;
  return `1 to ${limits.nameLengthMax} visible ASCII characters without blanks, got ${describeText(name)}`;
}

function methodProblem(method: string): string | undefined {
  if (method.length > limits.methodLengthMax || !methodPattern.test(method)) {
    return `a full gRPC method path such as /shop.StockTcc/ReserveTry, got ${describeText(method)}`;
  }
  if (!reservedServices.test(method)) return undefined;
  return `methods of tercet.v1 and grpc.* cannot be branches, got ${method}`;
}

function payloadProblem(payload: Uint8Array | undefined): string | undefined {
  if (payload === undefined || payload.length <= limits.payloadBytesMax) return undefined;
  return `at most ${limits.payloadBytesMax} bytes, got ${payload.length}`;
}

function durationProblem(ms: number, max: number): string | undefined {
  if (Number.isInteger(ms) && ms >= 1 && ms <= max) return undefined;
  return `1 to ${max} milliseconds, got ${ms}`;
}

function stuckAttemptsProblem(count: number): string | undefined {
  if (Number.isInteger(count) && count >= 1 && count <= limits.stuckAttemptsMax) return undefined;
  return `1 to ${limits.stuckAttemptsMax} failed attempts, got ${count}`;
}

function checkTrace(trace: TraceContext | undefined): void {
  const problem = trace === undefined ? undefined : traceProblem(trace);
  if (problem !== undefined) throw invalid(`open.trace_context.${problem.field}`, problem.message);
}

function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > limits.labelsMax) {
    throw invalid('open.labels', `at most ${limits.labelsMax}, got ${entries.length}`);
  }
  for (const [key, value] of entries) {
    if (!isVisibleAscii(key, limits.labelKeyLengthMax)) {
      throw invalid(
        'open.labels',
        `a key has 1 to ${limits.labelKeyLengthMax} visible ASCII characters, got ${describeText(key)}`,
      );
    }
    if (!storableText.test(value)) {
      throw invalid(
        `open.labels[${key}]`,
        `no NUL and no half of a character, got ${describeText(value)}`,
      );
    }
    if (value.length > limits.labelValueLengthMax) {
      throw invalid(
        `open.labels[${key}]`,
        `at most ${limits.labelValueLengthMax} characters, got ${value.length}`,
      );
    }
  }
}
