import { globalStatuses } from '@tercet/core';
import type { ListFilter } from '@tercet/sdk/operator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConnectionFlags, withConnection, withOperator } from '../connection';
import { parseLimit, parseWords } from '../flag-values';
import { jsonText, pageJson } from '../printers/json';
import { transactionTable } from '../printers/transactions';

interface ListFlags extends ConnectionFlags, Omit<ListFilter, 'statuses'> {
  readonly status?: NonNullable<ListFilter['statuses']>;
  readonly json?: boolean;
}

/** Adds `tercet tx list`. */
export function addTxList(tx: Command, context: CliContext): void {
  const command = tx
    .command('list')
    .summary('list transactions, unfinished ones first, then the latest')
    .description(
      'Lists transactions: unfinished ones first, then finished ones, the latest first.\n' +
        'DECIDED and FINISHED count from the opening. All filters must hold.',
    )
    .option(
      '--status <status>',
      `only these, repeated or with commas: ${globalStatuses.join(', ')}`,
      parseWords(globalStatuses),
    )
    .option('--name <name>', 'only this kind of transaction')
    .option('--gid-prefix <text>', 'only gids that begin with this')
    .option('--limit <count>', 'most rows, 1 to 1000 (default: 50)', parseLimit)
    .option('--cursor <cursor>', 'the page that follows this cursor')
    .option('--json', 'print one JSON object');
  withConnection(command).action((flags: ListFlags) => list(flags, context));
}

async function list(flags: ListFlags, context: CliContext): Promise<void> {
  const { json, status, address: _address, timeout: _timeout, ...rest } = flags;
  const filter: ListFilter = { ...rest, ...(status === undefined ? {} : { statuses: status }) };
  const page = await withOperator(flags, context.deps, (client) => client.list(filter));
  if (json === true) {
    context.print(jsonText(pageJson(page)));
    return;
  }
  const { width } = context;
  context.print(transactionTable(page.transactions, { width, colors: context.colors() }));
  if (page.transactions.length === 0) context.note('No transactions.');
  if (page.nextCursor !== undefined) {
    context.note(`There are more. Next: the same command with --cursor ${page.nextCursor}`);
  }
}
