/**
 * `node scripts/test-summary.js result.json …` prints `N passed, N failed` from jest's own results, added up. Plain
 * JavaScript, because it must also say something when the installation failed. A suite that could not run counts as one
 * failure, and so does a run that left no result. Exits 1 unless in every run something passed and nothing failed.
 */
const { readFileSync } = require('node:fs');

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}

const runs = process.argv.slice(2).map((file) => {
  const result = readResult(file);
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return { passed: result.numPassedTests, failed };
});
const sum = (key) => runs.reduce((total, run) => total + run[key], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
const good = runs.length > 0 && runs.every(({ passed, failed }) => passed > 0 && failed === 0);
process.exitCode = good ? 0 : 1;
