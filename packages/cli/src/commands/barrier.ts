/** `tercet barrier`: the table that a participant's barrier keeps its rows in. */
import type { Command } from 'commander';
import { type DatabaseFamily, databaseFamilies, parseDatabaseUrl } from '../barrier/database-url';
import { migrationScript } from '../barrier/migration-script';
import { type TableReport, checkTable, migrateTable } from '../barrier/table';
import type { CliContext } from '../cli-context';
import { exitCodes } from '../exit-codes';
import { parseWord } from '../flag-values';
import { jsonText } from '../printers/json';
import { UsageError } from '../usage-error';

interface UrlFlags {
  readonly url?: string;
  readonly json?: boolean;
}

/** Adds `tercet barrier migrate`, `check` and `sql`. */
export function addBarrier(program: Command, context: CliContext): void {
  const barrier = program
    .command('barrier')
    .summary("create and check the table of a participant's barrier")
    .description(
      "Creates and checks the table in which a participant's barrier keeps its rows.\n" +
        'The driver (mysql2, pg, node:sqlite or @photostructure/sqlite) is the one of the folder in which this runs.',
    )
    .helpCommand(false);
  const migrate = barrier
    .command('migrate')
    .summary('create or update the table')
    .description('Creates the table, or brings it up to date. May be repeated.');
  withUrl(migrate).action(async (flags: UrlFlags) => {
    report(await migrateTable(urlOf(flags, context), context.deps), flags, context);
  });
  const check = barrier
    .command('check')
    .summary('say what is missing')
    .description(
      `Checks the table and changes nothing: exit 0 when it can be used, ${exitCodes.unavailable} when something is missing or nobody answers.`,
    );
  withUrl(check).action(async (flags: UrlFlags) => {
    const found = await checkTable(urlOf(flags, context), context.deps);
    report(found, flags, context);
    if (found.problem !== undefined) context.finish(exitCodes.unavailable);
  });
  addSql(barrier, context);
}

function addSql(barrier: Command, context: CliContext): void {
  barrier
    .command('sql')
    .summary('print the statements, for those who migrate by hand')
    .description('Prints the statements that `migrate` would run. Asks no database.')
    .requiredOption(
      '--dialect <family>',
      `whose SQL: ${databaseFamilies.join(', ')}`,
      parseWord(databaseFamilies),
    )
    .action(({ dialect }: { readonly dialect: DatabaseFamily }) => {
      context.print(migrationScript(dialect, context.deps.loadBarriers()));
    });
}

function withUrl(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'the database: mysql://…, postgres://… or sqlite:FILE (env: TERCET_BARRIER_URL, where nobody sees the password)',
    )
    .option('--json', 'print one JSON object');
}

/** Flag, then environment. There is no default: the wrong database is worse than none. */
function urlOf({ url }: UrlFlags, { deps }: CliContext): ReturnType<typeof parseDatabaseUrl> {
  if (url !== undefined) return parseDatabaseUrl('--url', url);
  const fromEnv = deps.env['TERCET_BARRIER_URL'] ?? '';
  if (fromEnv !== '') return parseDatabaseUrl('TERCET_BARRIER_URL', fromEnv);
  throw new UsageError(
    'neither --url nor TERCET_BARRIER_URL says which database is meant',
    'give mysql://user:password@host:3306/database, postgres://user:password@host:5432/database or sqlite:FILE',
  );
}

function report(found: TableReport, { json }: UrlFlags, { print }: CliContext): void {
  const { database, problem } = found;
  if (json === true) {
    print(jsonText({ database, ready: problem === undefined, problem: problem ?? null }));
  } else {
    print(`${database} ${problem === undefined ? 'is ready' : `is not ready: ${problem}`}`);
  }
}
