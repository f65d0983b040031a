/**
 * `tercet server`. Its options are the coordinator's fields, so the coordinator must be loaded before they are
 * known. commander therefore hands every word over as it came; resolveConfig judges them, all at once.
 */
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import type { CliDeps, ServerModule } from '../cli-deps';
import { exitCodes } from '../exit-codes';
import { parseServerFlags } from '../server-flags';

type Settings = Pick<ServerModule, 'configFields' | 'configFileField'>;

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
      const module = context.deps.loadServer();
      if (server.args.some((word) => word === '--help' || word === '-h')) {
        printHelp(server, module);
        return;
      }
      await serve(server.args, module, context);
    });
}

async function serve(
  words: readonly string[],
  { runServer, configFields, configFileField }: ServerModule,
  { deps, print }: CliContext,
): Promise<void> {
  const flags = parseServerFlags(words, [configFileField, ...Object.values(configFields)]);
  await runServer({ flags, env: deps.env, print, onSignal: (stop) => stopOnSignal(deps, stop) });
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

function printHelp(server: Command, { configFields, configFileField }: Settings): void {
  const { flag: file, valueName: what, help: about, env: variable } = configFileField;
  server.option(`--${file} <${what}>`, `${about} (env: ${variable})`);
  for (const { flag, valueName, help, env, default: value } of Object.values(configFields)) {
    const term = valueName === '' ? `--${flag}` : `--${flag} <${valueName}>`;
    const usual = value === '' ? '' : `, default: ${value}`;
    server.option(term, `${help} (env: ${env}${usual})`);
  }
  server.option('-h, --help', 'show this help');
  server.outputHelp();
}
