/** What the command line asks for. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ServerStore, serverKinds } from './configurations';

/** A run that was asked for. */
export interface Command {
  /** Less of everything: shows that it works. */
  readonly quick: boolean;
  /** Where the rows go as JSON. */
  readonly jsonFile: string | undefined;
  /** Only configurations whose name has all these words, and no other figures. */
  readonly only: readonly string[];
  /** Only this measurement beside the table, and no configurations; undefined = what there is. */
  readonly check: string | undefined;
  /** Only rows of these servers, their bare calls and their figures; undefined = what a run of this kind has. */
  readonly stores: readonly ServerStore[] | undefined;
  /** Undefined = as many as a run of this kind has. */
  readonly rounds: number | undefined;
  /** Measured time of each round; undefined = as long as a run of this kind has. */
  readonly measureMs: number | undefined;
  /** Folder for CPU profiles of every process. */
  readonly profileFolder: string | undefined;
  /** Folder for databases; undefined = one is chosen. */
  readonly directory: string | undefined;
}

/** What `--help` prints. */
export const usage = `Usage: npm run bench -- [options]

  --quick          less of everything, under a minute: shows that it works, no number means anything
  --json FILE      writes the rows to FILE
  --only WORDS     only configurations with all these words, such as "streams sqlite 256"; no other figures
  --check NAME     only that other figure: slow-confirm, hanging, returning, finished-store, retention or messages; no
                   table
  --stores NAMES   only rows of these servers, mariadb or postgres or both, beside the bare calls; a full run has those of
                   the servers that can be had, a quick one none. A server is the one that TERCET_TEST_MYSQL_URL or
                   TERCET_TEST_POSTGRES_URL names, else a container, else a program of this machine
  --rounds N       interleaved rounds; 5 by default
  --seconds S      measured time of each round; 2 by default
  --profile DIR    writes a CPU profile of every process below DIR
  --dir DIR        folder for the databases; by default the machine's folder for temporary files, unless that is memory
  --help           this`;

/**
 * Reads the arguments. Relative paths start at `from`. Undefined = help was asked for.
 *
 * @throws Error that says what is wrong with which option.
 */
export function parseCommand(argv: readonly string[], from: string): Command | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string' },
      check: { type: 'string' },
      stores: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
      dir: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const path = (given: string | undefined): string | undefined =>
    given === undefined ? undefined : resolve(from, given);
  const seconds = numberOf('--seconds', values.seconds);
  return {
    quick: values.quick,
    jsonFile: path(values.json),
    only: (values.only ?? '').split(/[\s,]+/).filter((word) => word !== ''),
    check: values.check,
    stores: storesOf(values.stores),
    rounds: wholeNumberOf('--rounds', values.rounds),
    measureMs: seconds === undefined ? undefined : seconds * 1_000,
    profileFolder: path(values.profile),
    directory: path(values.dir),
  };
}

function storesOf(given: string | undefined): readonly ServerStore[] | undefined {
  if (given === undefined) return undefined;
  const names = given.split(/[\s,]+/).filter((name) => name !== '');
  const known = serverKinds.filter((kind) => names.includes(kind));
  if (known.length > 0 && known.length === new Set(names).size) return known;
  throw new Error(`--stores must be of ${serverKinds.join(', ')}, got ${JSON.stringify(given)}`);
}

function numberOf(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw new Error(`${option} must be a number above 0, got ${JSON.stringify(given)}`);
}

function wholeNumberOf(option: string, given: string | undefined): number | undefined {
  const value = numberOf(option, given);
  if (value === undefined || Number.isSafeInteger(value)) return value;
  throw new Error(`${option} must be a whole number, got ${JSON.stringify(given)}`);
}
