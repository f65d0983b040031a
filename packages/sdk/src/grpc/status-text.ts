/** gRPC's numbers and grpc-js's texts as people read them. */
import { grpcCode } from '@tercet/core';

/** The name of a status, `CODE(42)` where it has none. */
export function statusName(code: number): string {
  const entry = Object.entries(grpcCode).find(([, number]) => number === code);
  return entry?.[0] ?? `CODE(${code})`;
}

/**
 * A status message without the inner states of the channel that grpc-js appends to "Deadline exceeded after 2s",
 * such as ",metadata filters: 0.001s,Waiting for LB pick".
 */
export function plainMessage(message: string): string {
  return message.startsWith('Deadline exceeded after ') ? message.replace(/,.*$/s, '') : message;
}
