/** A Try as it is started → the branch as it is registered. */
import { type BranchId, type BranchSpec, TercetError, limits } from '@tercet/core';
import type { TccAction } from '../tcc-action';
import { millisecondsOf } from '../duration';
import { ConfigError, textOfCause } from '../errors';
import { checkTransport, namesOf, refuseUnknown } from '../known-options';
import type { MethodLike } from '../service-definition';
import type { TryOptions, UseOptions } from '../transaction-context';
import { checkMetadata } from './metadata-rules';

const useNames = namesOf<UseOptions>({ target: true, metadata: true, transport: true });
const tryNames = namesOf<TryOptions>({ signal: true, deadline: true });

/** A Try as the proxy hands it on. */
export interface TryStart {
  readonly action: TccAction;
  readonly use: UseOptions;
  readonly request: unknown;
  readonly options: TryOptions;
}

/**
 * The branch of a Try with `leftMs` of the run left. Each operation is encoded as its own method's serializer does.
 * Throws INVALID_ARGUMENT where the request cannot be encoded, ConfigError for an unknown option or a malformed
 * deadline.
 */
export function branchSpecOf(id: BranchId, start: TryStart, leftMs: number): BranchSpec {
  const { action, use, request } = start;
  refuseUnknown(`Try ${action.name}`, start.options, tryNames);
  const wish = start.options.deadline ?? action.deadlines.tryMs;
  const wishMs = millisecondsOf('deadline', wish, { min: 1, max: limits.durationMsMax });
  const { methods, deadlines, writesAsTry } = action;
  const payload = encoded(action, methods.try, request);
  return {
    id,
    action: action.name,
    mode: 'tcc',
    driver: 'initiator',
    dialect: 'tercet',
    target: use.target,
    methods: {
      forward: methods.try.path,
      confirm: methods.confirm.path,
      cancel: methods.cancel.path,
    },
    payload,
    confirmPayload: writesAsTry.confirm
      ? undefined
      : unlessSame(payload, encoded(action, methods.confirm, request)),
    cancelPayload: writesAsTry.cancel
      ? undefined
      : unlessSame(payload, encoded(action, methods.cancel, request)),
    after: [],
    deadlines: {
      forwardMs: Math.max(1, Math.min(wishMs, action.deadlines.tryMs, leftMs)),
      confirmMs: deadlines.confirmMs,
      cancelMs: deadlines.cancelMs,
    },
    retry: action.retry,
    stuckAfterMs: action.stuckAfterMs,
    stuckAttempts: action.stuckAttempts,
    parkPermanentErrors: action.parkPermanentErrors,
    barrier: action.barrier,
  };
}

/** Checks what `tx.use` was given. Throws ConfigError. */
export function checkUse(use: UseOptions): void {
  refuseUnknown('use', use, useNames);
  if (typeof use.target !== 'string' || use.target === '') {
    throw new ConfigError('target must be the gRPC address of the participant', {
      option: 'target',
    });
  }
  if (use.transport !== undefined) checkTransport('transport', use.transport);
  checkMetadata(use.metadata ?? {});
}

function encoded(action: TccAction, method: MethodLike, request: unknown): Uint8Array {
  try {
    // The proxy's type has checked the request; `never` stands for "the method's own message".
    return method.requestSerialize(request as never);
  } catch (cause) {
    throw new TercetError('INVALID_ARGUMENT', {
      message: `the request of ${action.name} cannot be encoded for ${method.path}: ${textOfCause(cause)}`,
      details: { action: action.name },
      cause,
    });
  }
}

function unlessSame(payload: Uint8Array, other: Uint8Array): Uint8Array | undefined {
  return Buffer.compare(payload, other) === 0 ? undefined : other;
}
