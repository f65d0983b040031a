/** The environment of somebody who has just opened a terminal, where the tests were started by make, npm and jest. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Set by make, npm (`--silent` among it), npx and jest for the programs that they start. */
const foreign =
  /^(MAKE|MFLAGS|npm_(package|lifecycle|command|execpath|config_(local_prefix|loglevel))|INIT_CWD|JEST|NODE_(ENV|OPTIONS|PATH)|NODE$|TERCET_)/;

/**
 * This process's variables without those of make, npm and jest, without the settings of the repository's own .npmrc, and
 * without the workspace's programs on the PATH. What the machine says (npm's registry, cache) stays.
 */
export function newcomerEnv(root: string): NodeJS.ProcessEnv {
  const own = new Set(ownSettings(root));
  const kept = Object.entries(process.env).filter(
    ([name]) => !foreign.test(name) && !own.has(name.toLowerCase()),
  );
  const places = (process.env['PATH'] ?? '').split(path.delimiter);
  const searchPath = places.filter((place) => !/[\\/]node_modules[\\/]\.bin$/.test(place));
  return { ...Object.fromEntries(kept), PATH: searchPath.join(path.delimiter), NO_COLOR: '1' };
}

/** npm hands the settings of the folder that it runs in to its children, as `npm_config_…`. */
function ownSettings(root: string): string[] {
  const lines = readFileSync(path.join(root, '.npmrc'), 'utf8').split('\n');
  return lines
    .map((line) => line.split('=')[0]?.trim() ?? '')
    .map((key) => `npm_config_${key.replaceAll('-', '_')}`);
}
