/**
 * `npm run bench:costliest -- DIR [COUNT]`: reads what `npm run bench -- --profile DIR` wrote, and prints the costliest
 * functions of every thread of every process.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CpuProfile, selfTimes } from './profiles/self-time';

const COUNT_DEFAULT = 15;

function print(folder: string, count: number): void {
  const roles = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name: role } of roles) {
    const files = readdirSync(join(folder, role)).filter((file) => file.endsWith('.cpuprofile'));
    for (const file of files.sort()) {
      const text = readFileSync(join(folder, role, file), 'utf8');
      const costs = selfTimes(JSON.parse(text) as CpuProfile);
      const busyMs = costs.reduce((sum, { ms }) => sum + ms, 0);
      console.log(`\n${role}, ${file}: ${busyMs.toFixed(0)} ms busy`);
      for (const { name, ms, share } of costs.slice(0, count)) {
        console.log(
          `${(share * 100).toFixed(1).padStart(6)} %  ${ms.toFixed(0).padStart(6)} ms  ${name}`,
        );
      }
    }
  }
}

const [folder, count] = process.argv.slice(2);
if (folder === undefined) {
  console.error('Usage: npm run bench:costliest -- DIR [COUNT]');
  process.exitCode = 1;
} else {
  const from = process.env['INIT_CWD'] ?? process.cwd();
  print(resolve(from, folder), Number(count ?? COUNT_DEFAULT));
}
