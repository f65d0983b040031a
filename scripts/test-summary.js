/**
 * `node scripts/test-summary.js result.json` prints `N passed, N failed` from jest's own result. Plain JavaScript,
 * because it must also say something when the installation failed. A suite that could not run counts as one failure,
 * and so does a run that left no result. Exits 1 unless something passed and nothing failed.
 */
const { readFileSync } = require('node:fs');

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}

const result = readResult(process.argv[2]);
const passed = result.numPassedTests;
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
