import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConnectionFlags, withConnection, withOperator } from '../connection';
import { describeTransaction } from '../printers/describe';
import { jsonText, transactionJson } from '../printers/json';

interface GetFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** Adds `tercet tx get`. */
export function addTxGet(tx: Command, context: CliContext): void {
  const command = tx
    .command('get')
    .summary('everything that is known of one transaction')
    .description('Shows everything that is known of one transaction, payloads left out.')
    .argument('<gid>', 'its global id; case matters')
    .option('--json', 'print one JSON object');
  withConnection(command).action((gid: string, flags: GetFlags) => get(gid, flags, context));
}

async function get(gid: string, flags: GetFlags, context: CliContext): Promise<void> {
  const tx = await withOperator(flags, context.deps, (client) => client.get(gid));
  if (flags.json === true) {
    context.print(jsonText(transactionJson(tx)));
  } else {
    context.print(describeTransaction(tx, { width: context.width, colors: context.colors() }));
  }
}
