/** How a test starts the `tercet` command as a process of its own. */
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

/** As a built package is started. */
const built = [path.join(root, 'packages/cli/bin/tercet.js')];

const fromSource = [
  '--require',
  require.resolve('tsx/cjs'),
  '--conditions=@tercet/source',
  path.join(root, 'packages/cli/src/main.ts'),
];

/**
 * What node is started with, before the words of the command. The sources as they are, so that no test judges an old build;
 * where `TERCET_TEST_BUILT` says that the build is fresh (`make test` builds first), that: it starts in half of the time, and
 * there are more than a hundred starts.
 */
export const tercetProgram: readonly string[] =
  process.env['TERCET_TEST_BUILT'] === 'true' ? built : fromSource;
