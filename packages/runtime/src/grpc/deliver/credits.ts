/** How many calls one stream takes at a time: the credits of its Hello. */

/** What a call draws on. Tries that wait for what only a Confirm frees must not keep that Confirm out. */
export type CallKind = 'try' | 'phaseTwo';

/** Both kinds. */
export const callKinds: readonly CallKind[] = ['try', 'phaseTwo'];

/** What is taken of one stream's credits. */
export class Credits {
  private readonly taken = { try: 0, phaseTwo: 0 };

  constructor(private readonly most: Readonly<Record<CallKind, number>>) {}

  /** Calls of both kinds that are under way. */
  get outstanding(): number {
    return this.taken.try + this.taken.phaseTwo;
  }

  /** Whether calls of this kind are taken at all. */
  knows(kind: CallKind): boolean {
    return this.most[kind] > 0;
  }

  /** Whether another call of this kind may leave. */
  hasRoom(kind: CallKind): boolean {
    return this.taken[kind] < this.most[kind];
  }

  /** A call leaves. */
  take(kind: CallKind): void {
    this.taken[kind]++;
  }

  /** A call has ended. */
  give(kind: CallKind): void {
    this.taken[kind]--;
  }
}
