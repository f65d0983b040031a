/** The figures that are read off the table. */
import { CONCURRENT_MANY, type Configuration, base, isSame } from '../configurations';
import type { Figure, Target } from '../report/figure';
import type { MeasuredRow } from '../report/rows';

const many: Configuration = { ...base, concurrency: CONCURRENT_MANY };
const alone: Configuration = { ...base, concurrency: 1, until: 'decided' };

/** Over two durable commits, the longest time of a transaction that runs alone, milliseconds. */
const OVERHEAD_MS = 1;

/** Those whose rows were measured. `commitMs`: the median of one durable commit of the same run. */
export function publishedFigures(rows: readonly MeasuredRow[], commitMs: number): Figure[] {
  const ratio = (of: Configuration, atLeast: number): readonly Found[] =>
    found(rows, of, (row) => row.ratioToBare).map(({ value }) => ({
      check: `${titleOf(of)}: throughput against the bare calls`,
      value,
      unit: '×',
      target: { atLeast },
    }));
  const figure = (of: Configuration, rest: Rest): readonly Found[] =>
    found(rows, of, rest.value).map(({ value }) => ({ ...rest, value }));
  return [
    ...ratio(base, 3),
    ...ratio(many, 4),
    ...ratio({ ...base, variant: 'try-unary' }, 0.7),
    ...ratio({ ...base, variant: 'unary', until: 'decided' }, 0.2),
    ...figure(many, {
      check: `${titleOf(many)}: CPU of the coordinator per transaction`,
      value: (row) => row.cpuUsPerTx.coordinator,
      unit: 'µs',
      target: { atMost: 80 },
    }),
    ...figure(alone, {
      check: `${titleOf(alone)}: p50`,
      value: (row) => row.p50Ms,
      unit: 'ms',
      target: { atMost: 2 * commitMs + OVERHEAD_MS },
    }),
    ...figure(many, {
      check: `${titleOf(many)}: operations per durable commit`,
      value: (row) => row.opsPerCommit,
      unit: 'operations',
      target: { atLeast: 20 },
    }),
  ];
}

type Found = Figure;
type Read = (row: MeasuredRow) => number | null;

interface Rest {
  readonly check: string;
  readonly value: Read;
  readonly unit: string;
  readonly target: Target;
}

function found(
  rows: readonly MeasuredRow[],
  of: Configuration,
  read: Read,
): readonly { readonly value: number }[] {
  const row = rows.find((one) => isSame(one, of));
  const value = row === undefined ? null : read(row);
  return value === null ? [] : [{ value }];
}

function titleOf({ variant, store, concurrency, branches, until }: Configuration): string {
  return `${variant}, ${store}, ${concurrency} concurrent, ${branches} branches, until ${until}`;
}
