/** Limits of the contract: the same on every coordinator, so that a request accepted by one is accepted by all. */
export const limits = {
  /** Branches of one transaction. */
  branchesMax: 256,
  /** Bytes of one payload. */
  payloadBytesMax: 1_048_576,
  /** Longest time for phase one: 24 h. */
  timeoutMsMax: 86_400_000,
  /** Time for phase one where the initiator names none. */
  timeoutMsDefault: 60_000,
  /** Longest deadline of one call, longest retry delay and longest stuck threshold: 24 h. */
  durationMsMax: 86_400_000,
  /** Characters of a transaction's name or an action. */
  nameLengthMax: 64,
  /** Characters of a target. */
  targetLengthMax: 512,
  /** Characters of a method path. */
  methodLengthMax: 512,
  /** Labels of a transaction. */
  labelsMax: 16,
  /** Characters of a label's key. */
  labelKeyLengthMax: 64,
  /** Characters of a label's value. */
  labelValueLengthMax: 256,
  /** Characters kept of a reason or a participant's message. */
  textLengthMax: 1_024,
  /** How deep branches nest: `1` is 1 deep, `1.2` 2. */
  nestingMax: 8,
  /** Bytes of the value that Commit carries for attached runs. */
  resultBytesMax: 65_536,
  /** Characters of the name of who resolved a branch. */
  operatorLengthMax: 128,
  /** Highest stuck threshold in attempts. */
  stuckAttemptsMax: 1_000,
  /** Longest server-side wait of one request. */
  waitMsMax: 60_000,
} as const;

/**
 * How far the clocks of coordinator and participants may differ. A Cancel that comes before anything is known of
 * its Try waits this long after the branch's `notAfter`, so that a Try which is still under way starts before it
 * or is refused. A setting; this is its default.
 */
export const CLOCK_SKEW_MS_DEFAULT = 5_000;
