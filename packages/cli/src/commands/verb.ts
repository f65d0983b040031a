/** What the operators' verbs share: flags, the dry run, the report. */
import type { BranchId, OperatorEvent } from '@tercet/core';
import type { OperatorClient, TransactionView } from '@tercet/sdk/operator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConnectionFlags, withConnection, withOperator } from '../connection';
import { previewOf } from '../preview';
import { jsonText, verbJson } from '../printers/json';
import { type VerbReport, nextAfter, verbText } from '../printers/verbs';

/** What `withVerbFlags` parses. */
export interface VerbFlags extends ConnectionFlags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Adds what every verb takes. */
export function withVerbFlags(command: Command): Command {
  return withConnection(
    command
      .option('-n, --dry-run', 'show what would change, change nothing')
      .option('--json', 'print one JSON object'),
  );
}

/** One verb on one transaction. */
export interface VerbCall {
  readonly gid: string;
  readonly event: OperatorEvent;
  /** Does it, once nothing stands in its way; undefined = somebody decided against it. */
  readonly carryOut: (client: OperatorClient) => Promise<Changed | undefined>;
}

/** What came of it. */
export interface Changed {
  readonly transaction: TransactionView;
  readonly changed: readonly BranchId[];
}

/** Carries a verb out, or previews it, and tells what came of it. */
export async function runVerb(
  { gid, event, carryOut }: VerbCall,
  flags: VerbFlags,
  context: CliContext,
): Promise<void> {
  const dryRun = flags.dryRun === true;
  const done = await withOperator(flags, context.deps, async (client) =>
    dryRun ? await previewed(client, gid, event) : await carryOut(client),
  );
  if (done !== undefined) tell({ ...reportOf(event), ...done, dryRun }, flags, context);
}

async function previewed(
  client: OperatorClient,
  gid: string,
  event: OperatorEvent,
): Promise<Changed> {
  const transaction = await client.get(gid);
  return { transaction, changed: previewOf(transaction, event) };
}

function reportOf(event: OperatorEvent): Pick<VerbReport, 'verb' | 'asked' | 'as'> {
  if (event.kind !== 'resolve') return { verb: event.kind, asked: event.branchIds };
  return { verb: 'resolve', asked: [event.branchId], as: event.asserted };
}

function tell(report: VerbReport, flags: VerbFlags, context: CliContext): void {
  if (flags.json === true) {
    context.print(jsonText(verbJson(report)));
    return;
  }
  context.print(verbText(report));
  context.note(nextAfter(report));
}
