import { stuckReasons } from '@tercet/core';
import type { StuckFilter } from '@tercet/sdk/operator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConnectionFlags, withConnection, withOperator } from '../connection';
import { exitCodes } from '../exit-codes';
import { parseLimit, parseWord } from '../flag-values';
import { jsonText, stuckJson } from '../printers/json';
import { stuckSummary, stuckTable } from '../printers/stuck';

interface StuckFlags extends ConnectionFlags, StuckFilter {
  readonly json?: boolean;
  readonly check?: boolean;
}

/** Adds `tercet stuck`. */
export function addStuck(program: Command, context: CliContext): void {
  const command = program
    .command('stuck')
    .summary('list the branches that need attention, the oldest decision first')
    .description(
      'Lists the branches of phase two that are stuck: rejected, failing again and again, or unanswered for too long;\n' +
        'and what came back with a restored store. AGE counts from the decision, NEXT is the time until the next attempt; a parked branch has none.',
    )
    .option('--service <name>', 'only branches of this gRPC service: shop.StockTcc')
    .option('--action <name>', 'only this action')
    .option(
      '--reason <reason>',
      `only this reason: ${stuckReasons.join(', ')}`,
      parseWord(stuckReasons),
    )
    .option('--limit <count>', 'most rows, 1 to 1000 (default: 100)', parseLimit)
    .option('--check', `exit with ${exitCodes.found} when the list is not empty`)
    .option('--json', 'print one JSON object');
  withConnection(command).action((flags: StuckFlags) => stuck(flags, context));
}

async function stuck(flags: StuckFlags, context: CliContext): Promise<void> {
  const { json, check, address: _address, timeout: _timeout, ...filter } = flags;
  const page = await withOperator(flags, context.deps, (client) => client.stuck(filter));
  if (json === true) {
    context.print(jsonText(stuckJson(page)));
  } else {
    context.print(stuckTable(page, { width: context.width, colors: context.colors() }));
    const { limit: _limit, ...filters } = filter;
    context.note(stuckSummary(page, Object.keys(filters).length > 0));
  }
  if (check === true && page.total > 0) context.finish(exitCodes.found);
}
