import type { Clock, Random, Scheduler } from '@tercet/core';
import type { Logger } from '../observability/logger';
import type { ParticipantCaller } from '../participant/participant-caller';
import type { Store, StoreFailure } from '../store/store';
import type { CoordinatorInterceptor } from './interceptors';
import type { RetentionSettings } from './retention';
import type { BatchWriterLimits } from './write-queue';

/** Named limits of the engine. */
export interface EngineLimits extends BatchWriterLimits {
  /** Most calls under way to one target. */
  readonly targetConcurrencyMax: number;
  /** Most unfinished branches of one target; beyond it registrations that name it are refused. */
  readonly targetUnfinishedMax: number;
  /** Most undecided transactions; beyond it new ones are refused. */
  readonly undecidedMax: number;
  /** Most unfinished transactions in memory; beyond it waiting ones leave until they are due. */
  readonly residentMax: number;
  /** Bytes of payloads in memory; others are read again at the attempt. */
  readonly payloadCacheBytesMax: number;
}

/** Everything the engine touches besides its memory. */
export interface EngineDeps {
  readonly store: Store;
  readonly caller: ParticipantCaller;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: EngineLimits;
  /** Greatest difference of clocks that a first Cancel outwaits, milliseconds. */
  readonly clockSkewMs: number;
  /** Name of this life of the node; never used again. */
  readonly incarnation: string;
  /** For how long a node that gives no sign of life is taken for alive, milliseconds; sweeps come twice as often. */
  readonly nodeTtlMs: number;
  /** Told when rows may belong to this incarnation that it does not know of: it has to end, and another one to begin. */
  readonly onDoubt?: ((failure: StoreFailure) => void) | undefined;
  /** How long finished transactions are kept. Default: for ever. */
  readonly retention?: RetentionSettings | undefined;
  /** Hooks, the outermost first. Default: none. */
  readonly interceptors?: readonly CoordinatorInterceptor[] | undefined;
  /** Told when the store stops or starts taking writes. */
  readonly onTrouble?: ((trouble: StoreFailure | undefined) => void) | undefined;
}
