/** Why a branch is shown to operators. */
export type StuckReason =
  | 'retrying'
  | 'unreachable'
  | 'deadline'
  | 'rejected'
  | 'unimplemented'
  | 'auth'
  | 'barrier'
  | 'parked'
  | 'restored';

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
  'restored',
] as const satisfies readonly StuckReason[];
