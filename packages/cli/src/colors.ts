/** Whether to colour, and with what. Colour never carries anything that the text does not say too. */
import picocolors from 'picocolors';
import type { CliDeps, Output } from './cli-deps';

/** Functions that wrap a text in a colour, or leave it alone. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** No colour at all. */
export const plain: Colors = picocolors.createColors(false);

/**
 * Colours for an output: `--no-color`, then NO_COLOR (anything but empty), then FORCE_COLOR (anything but empty
 * and 0), then TERM=dumb, then whether it is a terminal.
 */
export function colorsFor(output: Output, env: CliDeps['env'], allowed: boolean): Colors {
  return picocolors.createColors(allowed && wanted(output, env));
}

function wanted(output: Output, env: CliDeps['env']): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force = '' } = env;
  if (no !== '' || force === '0') return false;
  if (force !== '') return true;
  return env['TERM'] !== 'dumb' && output.isTTY;
}
