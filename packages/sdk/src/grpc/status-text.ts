/** gRPC's numbers as people read them. */
import { grpcCode } from '@tercet/core';

/** The name of a status, `CODE(42)` where it has none. */
export function statusName(code: number): string {
  const entry = Object.entries(grpcCode).find(([, number]) => number === code);
  return entry?.[0] ?? `CODE(${code})`;
}
