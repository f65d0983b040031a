/** How a command ended, in the words of the contract: what a unary call says with reply, status and trailers. */
import { status } from '@grpc/grpc-js';
import type { DeliverOutcome } from '@tercet/proto';
import type { MethodLike } from '../../service-definition';
import { type CallAnswer, type CallRefusal, encodedReply, refusal } from '../call-answer';

/**
 * Bytes of an outcome. gRPC takes messages of 4 MiB unless told otherwise, and one above would end the whole stream;
 * the rest is for the framing.
 */
const OUTCOME_BYTES_MAX = 4_194_304 - 64;
const NO_BYTES = Buffer.alloc(0);

/** The outcome of a command of `method`. */
export function outcomeOf(id: number, method: MethodLike, answer: CallAnswer): DeliverOutcome {
  if (answer.kind === 'refusal') return refusedOutcome(id, answer);
  const reply = encodedReply(method, answer.reply);
  if (reply === undefined) {
    // Word for word what grpc-js answers to a unary call.
    return refusedOutcome(id, refusal(status.INTERNAL, 'Error serializing response'));
  }
  const outcome: DeliverOutcome = {
    id,
    grpcCode: status.OK,
    message: '',
    reply: Buffer.isBuffer(reply) ? reply : Buffer.from(reply),
    verdict: '',
    retryAfterMs: undefined,
    rejectDetails: undefined,
    nestedBranchIds: [...answer.branches],
  };
  if (outcomeBytes(outcome) <= OUTCOME_BYTES_MAX) return outcome;
  const text = `the reply of ${reply.length} bytes is too large: with all that goes with it at most ${OUTCOME_BYTES_MAX} can be sent`;
  return refusedOutcome(id, refusal(status.RESOURCE_EXHAUSTED, text));
}

/** The outcome of a command that was not carried out, or not with OK. */
export function refusedOutcome(id: number, answer: CallRefusal): DeliverOutcome {
  return {
    id,
    grpcCode: answer.code,
    message: answer.message,
    reply: NO_BYTES,
    verdict: answer.verdict ?? '',
    retryAfterMs: answer.retryAfterMs,
    rejectDetails: answer.details,
    nestedBranchIds: [],
  };
}

/** Bytes of an outcome on the wire, at most. */
export function outcomeBytes(outcome: DeliverOutcome): number {
  const { reply, message, rejectDetails, nestedBranchIds } = outcome;
  // Tags, lengths, numbers and the verdict; a character of the message takes at most 3 bytes.
  let bytes = 48 + reply.length + 3 * message.length + (rejectDetails?.length ?? 0);
  for (const id of nestedBranchIds) bytes += id.length + 2;
  return bytes;
}
