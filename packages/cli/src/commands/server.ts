/**
 * `tercet server`. Its options are the coordinator's fields, so the coordinator must be loaded before they are
 * known. commander therefore hands every word over as it came; resolveConfig judges them, all at once.
 */
import { TercetError } from '@tercet/core';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import type { CliDeps, ServerModule } from '../cli-deps';
import { exitCodes } from '../exit-codes';
import { nearest } from '../nearest';
import { parseServerFlags } from '../server-flags';

type Fields = ServerModule['configFields'];

/** Adds `tercet server`. */
export function addServer(program: Command, context: CliContext): void {
  const server = program
    .command('server')
    .summary('run a coordinator')
    .description(
      'Runs a coordinator until SIGTERM or Ctrl-C; a second Ctrl-C ends it at once.\n' +
        'Needs no settings: it listens on loopback and keeps its store in ./tercet-data.',
    )
    .usage('[options]')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const { runServer, configFields } = context.deps.loadServer();
      if (server.args.some((word) => word === '--help' || word === '-h')) {
        printHelp(server, configFields);
        return;
      }
      await serve(server.args, { runServer, configFields }, context);
    });
}

async function serve(
  words: readonly string[],
  { runServer, configFields }: ServerModule,
  { deps, print }: CliContext,
): Promise<void> {
  const flags = parseServerFlags(words, Object.values(configFields));
  try {
    await runServer({ flags, env: deps.env, print, onSignal: (stop) => stopOnSignal(deps, stop) });
  } catch (error) {
    throw withSuggestions(error, flags, configFields);
  }
}

/** The first signal stops in order; whoever presses Ctrl-C again does not want to wait for that. */
function stopOnSignal(deps: CliDeps, stop: (signal: string) => void): void {
  let asked = false;
  deps.onSignal((signal) => {
    if (asked) {
      deps.exitNow(exitCodes.interrupted);
      return;
    }
    asked = true;
    stop(signal);
  });
}

function withSuggestions(
  error: unknown,
  flags: Readonly<Record<string, string>>,
  configFields: Fields,
): unknown {
  if (!(error instanceof TercetError) || error.code !== 'CONFIG_INVALID') return error;
  const known = Object.values(configFields).map(({ flag }) => flag);
  const lines = Object.keys(flags).flatMap((flag) => {
    const near = known.includes(flag) ? undefined : nearest(flag, known);
    return near === undefined ? [] : [`  did you mean --${near} instead of --${flag}?`];
  });
  if (lines.length === 0) return error;
  const { message, details } = error;
  return new TercetError('CONFIG_INVALID', {
    message: [message, ...lines].join('\n'),
    details,
    cause: error,
  });
}

function printHelp(server: Command, configFields: Fields): void {
  for (const { flag, valueName, help, env, default: value } of Object.values(configFields)) {
    const term = valueName === '' ? `--${flag}` : `--${flag} <${valueName}>`;
    server.option(term, `${help} (env: ${env}, default: ${value})`);
  }
  server.option('-h, --help', 'show this help');
  server.outputHelp();
}
