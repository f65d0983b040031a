/** Why a branch is shown to operators. */
export type StuckReason =
  | 'retrying'
  | 'unreachable'
  | 'deadline'
  | 'rejected'
  | 'unimplemented'
  | 'auth'
  | 'barrier'
  | 'parked';

/** All reasons, in the order of docs and help texts. */
export const stuckReasons = [
  'retrying',
  'unreachable',
  'deadline',
  'rejected',
  'unimplemented',
  'auth',
  'barrier',
  'parked',
] as const satisfies readonly StuckReason[];
