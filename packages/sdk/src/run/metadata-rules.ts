/** What users and interceptors may put into the metadata of a Try. */
import { type TraceContext, metadataKeys } from '@tercet/core';
import { ConfigError } from '../errors';

/** Metadata of a call. Values of keys that end in `-bin` are bytes. */
export type CallMetadata = Readonly<Record<string, string | Uint8Array>>;

const trace: readonly string[] = [metadataKeys.traceparent, metadataKeys.tracestate];

/** Checks the metadata of `tx.use`. Throws ConfigError naming the key. */
export function checkMetadata(metadata: CallMetadata): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (isReserved(key.toLowerCase()) || trace.includes(key.toLowerCase())) throw reserved(key);
    checkEntry(key, value);
  }
}

/** `given` and what is new in `added`: a key that is there, however it is written, stays. Throws ConfigError. */
export function mergedMetadata(given: CallMetadata, added: CallMetadata): CallMetadata {
  const present = new Set(Object.keys(given).map((key) => key.toLowerCase()));
  const fresh = Object.entries(added).filter(([key]) => !present.has(key.toLowerCase()));
  for (const [key, value] of fresh) {
    if (isReserved(key.toLowerCase())) throw reserved(key);
    checkEntry(key, value);
  }
  return { ...given, ...Object.fromEntries(fresh) };
}

/** A trace context as metadata; none where there is none. */
export function traceMetadata(context: TraceContext | undefined): Readonly<Record<string, string>> {
  if (context === undefined) return {};
  const { traceparent, tracestate } = context;
  return {
    [metadataKeys.traceparent]: traceparent,
    ...(tracestate === '' ? {} : { [metadataKeys.tracestate]: tracestate }),
  };
}

function isReserved(name: string): boolean {
  return name.startsWith('tercet-') || name.startsWith('grpc-');
}

function checkEntry(key: string, value: string | Uint8Array): void {
  const name = key.toLowerCase();
  if (!/^[0-9a-z_.-]+$/.test(name) || (typeof value === 'string' && !/^[ -~]*$/.test(value))) {
    throw problem(`gRPC takes no such key or value: ${key}`);
  }
  if (name.endsWith('-bin') === (typeof value === 'string')) {
    throw problem(`keys that end in -bin take bytes, others text: ${key}`);
  }
}

function reserved(key: string): ConfigError {
  return problem(`${key} is set by Tercet or gRPC`);
}

function problem(message: string): ConfigError {
  return new ConfigError(`metadata: ${message}`, { option: 'metadata' });
}
