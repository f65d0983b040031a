/** `node bench/dist/check-rows.js FILE`: exits 1 and says why where FILE does not hold the rows of a benchmark. */
import { readFileSync } from 'node:fs';
import { base, bareLike, isSame } from './configurations';
import { type MeasuredRow, type Row, rowProblems } from './report/rows';

function problemsOf(file: string): readonly string[] {
  const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const problems = rowProblems(rows);
  if (problems.length > 0) return problems;
  const measured = (rows as readonly Row[]).filter((row): row is MeasuredRow => 'variant' in row);
  const missing = [base, bareLike(base)].filter((one) => !measured.some((row) => isSame(row, one)));
  return missing.map(({ variant }) => `there is no row of ${variant} at the base of the table`);
}

const [file = ''] = process.argv.slice(2);
try {
  for (const problem of problemsOf(file)) {
    console.error(`${file}: ${problem}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
