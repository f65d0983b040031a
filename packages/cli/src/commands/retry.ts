import { parseBranchId } from '@tercet/core';
import type { OperatorClient } from '@tercet/sdk/operator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type VerbFlags, runVerb, withVerbFlags } from './verb';

/** Adds `tercet retry` and `tercet resume`, which differ in the branches they are for. */
export function addRetryAndResume(program: Command, context: CliContext): void {
  addVerb('retry', program, context)
    .summary('have pending branches called now')
    .description(
      'Has pending branches of a decided transaction called now and begins their delays anew; their\n' +
        'history stays. Without branches: all that are pending and not parked. A parked one is refused.',
    )
    .argument('[branch...]', 'branch ids, such as 2 or 2.1');
  addVerb('resume', program, context)
    .summary('let parked branches be called again')
    .description(
      'Lets parked branches of a decided transaction be called again, at once.\n' +
        'Without branches: all parked ones. Mend first what their last error names, or they park again.\n' +
        'A transaction that came back undecided with a restored store is cancelled.',
    )
    .argument('[branch...]', 'branch ids, such as 2 or 2.1');
}

function addVerb(verb: 'retry' | 'resume', program: Command, context: CliContext): Command {
  const command = program.command(verb).argument('<gid>', 'its global id; case matters');
  return withVerbFlags(command).action((gid: string, ids: readonly string[], flags: VerbFlags) => {
    const branchIds = ids.map((id) => parseBranchId(id, 'branch'));
    const call = {
      gid,
      event: { kind: verb, branchIds },
      carryOut: (client: OperatorClient) => client[verb](gid, { branches: branchIds }),
    };
    return runVerb(call, flags, context);
  });
}
