import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { jsonText } from '../printers/json';

/** Adds `tercet version`. */
export function addVersion(program: Command, context: CliContext): void {
  const { version } = context.deps;
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version of this command.')
    .option('--json', 'print one JSON object')
    .action(({ json }: { readonly json?: boolean }) => {
      context.print(json === true ? jsonText({ version }) : versionText(version));
    });
}

/** The line of `tercet version` and `tercet --version`. */
export function versionText(version: string): string {
  return `tercet ${version}`;
}
