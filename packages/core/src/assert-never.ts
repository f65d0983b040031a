/** Ends an exhaustive switch: the compiler refuses a forgotten case, a wrong value at run time is a bug. */
export function assertNever(value: never, what: string): never {
  throw new Error(`bug: unexpected ${what}: ${String(value)}`);
}
