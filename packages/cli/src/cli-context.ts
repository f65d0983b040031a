/** What every command gets: the outside, how to print, how to end. */
import type { Command } from 'commander';
import type { CliDeps } from './cli-deps';
import { type Colors, colorsFor } from './colors';

/** One run of the command. */
export interface CliContext {
  readonly deps: CliDeps;
  /** Sets the exit code; the last one counts. Default 0. */
  readonly finish: (code: number) => void;
  /** Writes data, one line end added. An empty text writes nothing. */
  readonly print: (text: string) => void;
  /** Writes a note for people to standard error. */
  readonly note: (text: string) => void;
  /** Colours for data. */
  readonly colors: () => Colors;
  /** Width to fit lines into; undefined where nothing must be shortened: in pipes and files. */
  readonly width: number | undefined;
}

/** Makes the context of one run; `program` tells, once parsed, whether colour is allowed. */
export function createContext(
  deps: CliDeps,
  program: Command,
  finish: (code: number) => void,
): CliContext {
  const { out, err, env } = deps;
  return {
    deps,
    finish,
    print: (text) => {
      if (text !== '') out.write(`${text}\n`);
    },
    note: (text) => err.write(`${text}\n`),
    colors: () => colorsFor(out, env, program.opts<{ readonly color: boolean }>().color),
    width: out.isTTY ? out.columns : undefined,
  };
}
