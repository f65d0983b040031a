/** The figures of stores on servers, read off the table and off what the server counted. */
import {
  CONCURRENT_MANY,
  type Configuration,
  base,
  isSame,
  isServerStore,
} from '../configurations';
import type { Figure } from '../report/figure';
import { type Measured, rowsOf } from '../round-results';
import { median } from '../statistics';

/** Throughput against the bare calls. */
const RATIO = 2;
const RATIO_MANY = 3;
const STATEMENTS_MAX = 0.5;

/** Those of every server that was measured. */
export function serverFigures(measured: readonly Measured[]): Figure[] {
  const rows = rowsOf(measured);
  return measured.flatMap(({ configuration, rounds }): Figure[] => {
    const target = targetOf(configuration);
    if (target === undefined) return [];
    const title = `${configuration.store}, ${configuration.concurrency} concurrent`;
    const ratio = rows.find((row) => isSame(row, configuration))?.ratioToBare ?? null;
    const counted = rounds.flatMap(({ statementsPerTx }) =>
      statementsPerTx === null ? [] : [statementsPerTx],
    );
    const isBase = configuration.concurrency === base.concurrency;
    return [
      ...(ratio === null
        ? []
        : [
            {
              check: `${title}: throughput against the bare calls`,
              value: ratio,
              unit: '×',
              target: { atLeast: target },
            },
          ]),
      ...(counted.length === 0
        ? []
        : [
            {
              check: `${title}: statements per transaction`,
              value: median(counted),
              unit: 'statements',
              ...(isBase ? { target: { atMost: STATEMENTS_MAX } } : {}),
            },
          ]),
    ];
  });
}

function targetOf(configuration: Configuration): number | undefined {
  const { store } = configuration;
  if (!isServerStore(store)) return undefined;
  if (isSame(configuration, { ...base, store })) return RATIO;
  return isSame(configuration, { ...base, store, concurrency: CONCURRENT_MANY })
    ? RATIO_MANY
    : undefined;
}
