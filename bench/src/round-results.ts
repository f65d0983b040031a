/** From rounds to rows: medians, and ratios within the run. */
import { type Configuration, bareLike, isSame } from './configurations';
import type { MeasuredRow } from './report/rows';
import { median, rounded } from './statistics';

/** What one round of one configuration told. */
export interface RoundResult {
  /** Transactions per second. */
  readonly tps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of each process, user and system, all its threads, microseconds. */
  readonly cpuUsPerTx: {
    readonly load: number;
    readonly coordinator: number;
    readonly participants: number;
  };
  /** Operations of a durable commit; null without a coordinator. */
  readonly opsPerCommit: number | null;
  /** Statements that the store's server counted; null where none counts. */
  readonly statementsPerTx: number | null;
}

/** All rounds of a configuration. */
export interface Measured {
  readonly configuration: Configuration;
  readonly rounds: readonly RoundResult[];
}

/** One row for each configuration; null ratios where the bare calls it would be compared with were not measured. */
export function rowsOf(measured: readonly Measured[]): readonly MeasuredRow[] {
  return measured.map(({ configuration, rounds }) => {
    const of = (value: (round: RoundResult) => number): number => median(rounds.map(value));
    const tps = of((round) => round.tps);
    const bare = measured.find((one) => isSame(one.configuration, bareLike(configuration)));
    const bareTps = bare === undefined ? undefined : median(bare.rounds.map((round) => round.tps));
    const hasCommits = rounds.every(({ opsPerCommit }) => opsPerCommit !== null);
    return {
      ...configuration,
      tps: rounded(tps, 1),
      ratioToBare: bareTps === undefined ? null : rounded(tps / bareTps, 3),
      p50Ms: rounded(
        of((round) => round.p50Ms),
        3,
      ),
      p99Ms: rounded(
        of((round) => round.p99Ms),
        3,
      ),
      cpuUsPerTx: {
        load: rounded(
          of(({ cpuUsPerTx }) => cpuUsPerTx.load),
          1,
        ),
        coordinator: rounded(
          of(({ cpuUsPerTx }) => cpuUsPerTx.coordinator),
          1,
        ),
        participants: rounded(
          of(({ cpuUsPerTx }) => cpuUsPerTx.participants),
          1,
        ),
      },
      opsPerCommit: hasCommits
        ? rounded(
            of(({ opsPerCommit }) => opsPerCommit ?? 0),
            1,
          )
        : null,
    };
  });
}
