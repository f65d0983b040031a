import { type BranchId, type ResolveEvent, limits, parseBranchId } from '@tercet/core';
import type { OperatorClient, TransactionView } from '@tercet/sdk/operator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type Confirmation, type ConfirmationFlags, confirmationOf } from '../confirmation';
import { exitCodes } from '../exit-codes';
import { parseText, parseWord } from '../flag-values';
import { oneLine } from '../one-line';
import { previewOf } from '../preview';
import { resolveWarning } from '../printers/verbs';
import { UsageError } from '../usage-error';
import { type Changed, type VerbFlags, runVerb, withVerbFlags } from './verb';

interface ResolveFlags extends VerbFlags, ConfirmationFlags {
  readonly as: ResolveEvent['asserted'];
  readonly reason: string;
  readonly by?: string;
}

const ends = ['confirmed', 'cancelled'] as const;

/** Adds `tercet resolve`. */
export function addResolve(program: Command, context: CliContext): void {
  const command = program
    .command('resolve')
    .summary('vouch for the end of a branch that cannot answer for itself')
    .description(
      'Completes a branch on your word: it counts as ended well and is never called again. Nobody can\n' +
        'undo it, and its participant learns nothing. For a branch whose target never existed, or that was\n' +
        'settled by hand. The verdict has to agree with the decision; a transaction that came back\n' +
        'undecided with a restored store is decided by it.\n' +
        'A call that is under way ends first: give a --timeout that outlasts its deadline.',
    )
    .argument('<gid>', 'its global id; case matters')
    .argument('<branch>', 'the branch id, such as 2 or 2.1')
    .requiredOption('--as <end>', `how it ended: ${ends.join(' or ')}`, parseWord(ends))
    .requiredOption(
      '--reason <text>',
      'why, for whoever reads it later; kept for ever',
      parseText(limits.textLengthMax),
    )
    .option(
      '--by <name>',
      'who says so; kept for ever (default: user@host)',
      parseText(limits.operatorLengthMax),
    )
    .option('--confirm <gid/branch>', 'confirms it; without it a terminal asks')
    .option('--no-input', 'ask nothing: --confirm has to be there');
  withVerbFlags(command).action((gid: string, branch: string, flags: ResolveFlags) =>
    resolve(gid, parseBranchId(branch, 'branch'), { flags, context }),
  );
}

/** A verdict on its way, and how people are told. */
interface Invocation {
  readonly gid: string;
  readonly event: ResolveEvent;
  readonly context: CliContext;
}

async function resolve(
  gid: string,
  branchId: BranchId,
  { flags, context }: { readonly flags: ResolveFlags; readonly context: CliContext },
): Promise<void> {
  const { as: asserted, reason, by = context.deps.operatorName() } = flags;
  const event: ResolveEvent = { kind: 'resolve', branchId, asserted, by, reason };
  const confirmation: Confirmation =
    flags.dryRun === true
      ? { kind: 'given' }
      : confirmationOf(`${gid}/${branchId}`, flags, context);
  const carryOut = async (client: OperatorClient): Promise<Changed | undefined> => {
    if (confirmation.kind === 'ask') {
      const transaction = await client.get(gid);
      if (previewOf(transaction, event).length === 0) return { transaction, changed: [] };
      if (!(await confirmed({ gid, event, context }, transaction, confirmation))) return undefined;
    }
    const done = await client.resolve(gid, branchId, { as: asserted, reason, by });
    return { transaction: done.transaction, changed: done.recorded ? [branchId] : [] };
  };
  await runVerb({ gid, event, carryOut }, flags, context);
}

/** Asks the person. Throws UsageError for other words; false = the person went away. */
async function confirmed(
  { gid, event, context }: Invocation,
  tx: TransactionView,
  { ask }: Extract<Confirmation, { kind: 'ask' }>,
): Promise<boolean> {
  const { branchId, asserted } = event;
  const branch = tx.branches.find((one) => one.branch === branchId);
  if (branch !== undefined) context.note(resolveWarning(tx, branch, asserted));
  const words = oneLine(`${gid}/${branchId}`);
  const typed = await ask(`Type ${words} to go on: `);
  if (typed === false) {
    throw new UsageError(
      `that was not ${words}: nothing was changed`,
      'run it again, and type exactly that, capitals included',
    );
  }
  if (typed === true) return true;
  context.note('Nothing was changed.');
  context.finish(exitCodes.interrupted);
  return false;
}
