/** Which of the other nodes' beats stand still, counted in good rounds of one's own. */
import type { NodeRow } from './sql-server';

interface Seen {
  readonly beat: number;
  /** Good looks at which it stood still since the first one, without a break; -1 = not looked at since the break. */
  readonly still: number;
}

/** What one looked at was: who has gone since, and who shows no sign of life. */
export interface Look {
  /** Nodes that were there before and are no more. */
  readonly gone: readonly string[];
  /** Nodes whose beat stood still over the whole count. */
  readonly dead: readonly NodeRow[];
}

/** Counts, for each node, the looks at which its beat was the one of the look before. */
export class BeatWatch {
  private seen = new Map<string, Seen>();

  /** @param looks in a row at which a beat has to stand still, after the first one. */
  constructor(private readonly looks: number) {}

  /** A good round has read all the other nodes. */
  look(nodes: readonly NodeRow[]): Look {
    const before = this.seen;
    this.seen = new Map(
      nodes.map(({ incarnation, beat }) => {
        const was = before.get(incarnation);
        return [incarnation, { beat, still: was?.beat === beat ? was.still + 1 : 0 }];
      }),
    );
    return {
      gone: [...before.keys()].filter((incarnation) => !this.seen.has(incarnation)),
      dead: nodes.filter(({ incarnation }) => {
        return (this.seen.get(incarnation)?.still ?? 0) >= this.looks;
      }),
    };
  }

  /** Time has passed that proves nothing: the next look is everybody's first one. */
  startAnew(): void {
    for (const [incarnation, { beat }] of this.seen) {
      this.seen.set(incarnation, { beat, still: -1 });
    }
  }

  /** A node was removed: that it is missing at the next look is no news. */
  forget(incarnation: string): void {
    this.seen.delete(incarnation);
  }
}
