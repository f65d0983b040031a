/** The `tercet` command: its tree, its help, and what becomes of errors. */
import { Command, CommanderError } from 'commander';
import { type CliContext, createContext } from './cli-context';
import type { CliDeps } from './cli-deps';
import { addBarrier } from './commands/barrier';
import { addHealth } from './commands/health';
import { addResolve } from './commands/resolve';
import { addRetryAndResume } from './commands/retry';
import { addServer } from './commands/server';
import { addStore } from './commands/store';
import { addStuck } from './commands/stuck';
import { addTxGet } from './commands/tx-get';
import { addTxList } from './commands/tx-list';
import { addVersion, versionText } from './commands/version';
import { exitCodes, exitCodesHelp } from './exit-codes';
import { reportError } from './report-error';
import { UsageError } from './usage-error';

/** Runs the command line (without `node` and the program's path) and resolves with the exit code. Never rejects. */
export async function run(words: readonly string[], deps: CliDeps): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram(deps);
  const context = createContext(deps, program, (code) => {
    exitCode = code;
  });
  addCommands(program, context);
  try {
    await program.parseAsync(withoutHelpWord(words, program), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // Help instead of a command: nothing was done, so it is a usage error that has been explained already.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    const told = error instanceof CommanderError ? usageError(error, program, words) : error;
    // Options may be what is wrong, so these two are looked up in the words themselves.
    const options = { json: words.includes('--json'), debug: words.includes('--debug') };
    return reportError(told, deps.err, options);
  }
}

function createProgram({ out, err, version }: CliDeps): Command {
  return new Command('tercet')
    .description(
      'Distributed transactions over gRPC: run a coordinator, find, understand and mend stuck work.',
    )
    .version(versionText(version), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .option('--no-color', 'no colour (also: env NO_COLOR; FORCE_COLOR forces it)')
    .option('--debug', 'show where an error came from')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      // Errors are told by reportError, in one form for all.
      outputError: () => undefined,
      getOutHelpWidth: () => out.columns ?? 100,
      getErrHelpWidth: () => err.columns ?? 100,
    })
    .exitOverride()
    .addHelpText('after', `\nExit codes:\n${exitCodesHelp.map((line) => `  ${line}`).join('\n')}`);
}

function addCommands(program: Command, context: CliContext): void {
  addServer(program, context);
  addStuck(program, context);
  const tx = program
    .command('tx')
    .summary('list and describe transactions')
    .description('Lists and describes transactions.')
    .helpCommand(false);
  addTxList(tx, context);
  addTxGet(tx, context);
  addRetryAndResume(program, context);
  addResolve(program, context);
  addBarrier(program, context);
  addHealth(program, context);
  addStore(program, context);
  addVersion(program, context);
  program.helpCommand('help [command]', 'show help of a command');
}

/** `help tx list` means `tx list --help`: commander's own help word knows no second level, and not the server's. */
function withoutHelpWord(words: readonly string[], program: Command): string[] {
  const [first, ...rest] = words;
  if (first !== 'help' || rest.length === 0) return [...words];
  const { command, depth } = namedBy(program, rest);
  // A group runs nothing: without `--help` a word that it does not know is told, with what may have been meant.
  const unknown = command.commands.length > 0 && /^[^-]/.test(rest[depth] ?? '');
  return unknown ? rest : [...rest, '--help'];
}

/** commander's text without its prefix; its suggestion, or where to read on, becomes the hint. */
function usageError(error: CommanderError, program: Command, words: readonly string[]): UsageError {
  const [text = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = misplacedOption(error, program, words) ?? suggestion?.replace(/^\((.*)\)$/, '$1');
  return new UsageError(text, hint ?? `see \`${namedBy(program, words).path} --help\``);
}

/** `tercet --json stuck`: the command knows the option, but it comes before the command. */
function misplacedOption(
  error: CommanderError,
  program: Command,
  words: readonly string[],
): string | undefined {
  if (error.code !== 'commander.unknownOption') return undefined;
  const at = words.findIndex((word) => error.message.includes(`'${word}'`));
  const word = words[at] ?? '';
  const { command, path, depth } = namedBy(program, words);
  if (depth > 0 && at > words.indexOf(command.name())) return undefined;
  const option = command.options.find(({ long }) => long === word.replace(/=.*$/s, ''));
  if (option === undefined) return undefined;
  const value = option.required && !word.includes('=') ? words.slice(at + 1, at + 2) : [];
  return `put it after the command: ${[path, word, ...value].join(' ')}`;
}

/** The command that the words name, as far as they name one, its path (`tercet tx list`), and how deep it is (2). */
function namedBy(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly path: string; readonly depth: number } {
  let command = program;
  const path = [program.name()];
  for (const word of words) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    path.push(word);
  }
  return { command, path: path.join(' '), depth: path.length - 1 };
}
