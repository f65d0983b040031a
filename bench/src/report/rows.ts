/** The rows of the JSON file: what they are, and what is wrong with a file that should hold some. */
import type { Configuration } from '../configurations';

/** A configuration that was measured. */
export interface MeasuredRow extends Configuration {
  /** Transactions per second. */
  readonly tps: number;
  /** Throughput against the bare calls, as many at a time and as many branches, of the same run. */
  readonly ratioToBare: number | null;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system time of each process, microseconds. */
  readonly cpuUsPerTx: {
    readonly load: number;
    readonly coordinator: number;
    readonly participants: number;
  };
  /** Operations of a durable commit. */
  readonly opsPerCommit: number | null;
}

/** Another number. */
export interface FigureRow {
  /** What was measured. */
  readonly check: string;
  readonly value: number;
  /** What it should be; null = it is only told. */
  readonly target: number | null;
  readonly unit: string;
}

/** A row of the file. */
export type Row = MeasuredRow | FigureRow;

const words = {
  variant: ['bare', 'bare-stream', 'unary', 'try-unary', 'streams'],
  store: ['memory', 'sqlite', 'mariadb', 'postgres'],
  until: ['decided', 'executed'],
} as const;

/** Everything that is wrong with a value that should be rows; the row is named by its place. */
export function rowProblems(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return ['the file holds no array'];
  if (value.length === 0) return ['the array has no rows'];
  return value.flatMap((row: unknown, i) =>
    problemsOf(row).map((problem) => `row ${i + 1}: ${problem}`),
  );
}

function problemsOf(row: unknown): readonly string[] {
  if (!isRecord(row)) return ['is no object'];
  return 'check' in row ? figureProblems(row) : measuredProblems(row);
}

function figureProblems(row: Fields): readonly string[] {
  return [
    ...keyProblems(row, ['check', 'value', 'target', 'unit']),
    ...(isText(row['check']) ? [] : ['check must be a text']),
    ...(isNumber(row['value']) ? [] : ['value must be a number']),
    ...(isNumber(row['target']) || row['target'] === null
      ? []
      : ['target must be a number or null']),
    ...(isText(row['unit']) ? [] : ['unit must be a text']),
  ];
}

const measuredKeys = [
  ...['variant', 'store', 'concurrency', 'branches', 'until', 'tps', 'ratioToBare'],
  ...['p50Ms', 'p99Ms', 'cpuUsPerTx', 'opsPerCommit'],
];

function measuredProblems(row: Fields): readonly string[] {
  const bare = row['variant'] === 'bare' || row['variant'] === 'bare-stream';
  const needed = (key: 'store' | 'until'): readonly string[] => {
    if (bare) return row[key] === null ? [] : [`${key} of a bare variant must be null`];
    return isOneOf(words[key], row[key]) ? [] : [`${key} must be ${words[key].join(' or ')}`];
  };
  const positive = ['concurrency', 'branches', 'tps', 'p50Ms', 'p99Ms'].filter(
    (key) => !isNumber(row[key]) || row[key] <= 0,
  );
  return [
    ...keyProblems(row, measuredKeys),
    ...(isOneOf(words.variant, row['variant']) ? [] : ['variant is none that is known']),
    ...needed('store'),
    ...needed('until'),
    ...positive.map((key) => `${key} must be a number above 0`),
    ...(isNumber(row['ratioToBare']) || row['ratioToBare'] === null
      ? []
      : ['ratioToBare must be a number or null']),
    ...cpuProblems(row['cpuUsPerTx']),
    ...((bare ? row['opsPerCommit'] === null : isNumber(row['opsPerCommit']))
      ? []
      : [`opsPerCommit must be ${bare ? 'null for a bare variant' : 'a number'}`]),
  ];
}

function cpuProblems(cpu: unknown): readonly string[] {
  if (!isRecord(cpu)) return ['cpuUsPerTx must be an object'];
  const keys = ['load', 'coordinator', 'participants'];
  const wrong = keys.filter((key) => !isNumber(cpu[key]) || cpu[key] < 0);
  return [
    ...keyProblems(cpu, keys),
    ...wrong.map((key) => `cpuUsPerTx.${key} must be a number of at least 0`),
  ];
}

type Fields = Readonly<Record<string, unknown>>;

function keyProblems(row: Fields, keys: readonly string[]): readonly string[] {
  const missing = keys.filter((key) => !(key in row));
  const unknown = Object.keys(row).filter((key) => !keys.includes(key));
  return [
    ...missing.map((key) => `${key} is missing`),
    ...unknown.map((key) => `${key} is no field`),
  ];
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isOneOf(known: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && known.includes(value);
}
