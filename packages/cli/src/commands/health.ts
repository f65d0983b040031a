import { TercetError } from '@tercet/core';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConnectionFlags, addressOf, withConnection, withOperator } from '../connection';
import { exitCodeOf, exitCodes } from '../exit-codes';
import { jsonText } from '../printers/json';

interface HealthFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** Adds `tercet health`. */
export function addHealth(program: Command, context: CliContext): void {
  const command = program
    .command('health')
    .summary('ask whether a coordinator takes work')
    .description(
      `Asks a coordinator whether it takes work: exit 0 when it does, ${exitCodes.unavailable} when not or when nobody answers.`,
    )
    .option('--json', 'print one JSON object');
  withConnection(command).action((flags: HealthFlags) => health(flags, context));
}

const reasons = {
  serving: undefined,
  'not-serving': 'it is starting or stopping, or its store cannot be used',
  unknown: 'it does not know the service it was asked about',
} as const;

async function health(flags: HealthFlags, context: CliContext): Promise<void> {
  const address = addressOf(flags, context.deps.env);
  const { status } = await withOperator(flags, context.deps, (client) => client.health()).catch(
    unavailable,
  );
  const reason = reasons[status];
  if (flags.json === true) {
    context.print(jsonText({ address, status, reason: reason ?? null }));
  } else {
    context.print(`${address} is ${status}${reason === undefined ? '' : `: ${reason}`}`);
  }
  if (status !== 'serving') context.finish(exitCodes.unavailable);
}

/** Whatever keeps the answer away, this command's finding is that there is none: mistakes of the caller excepted. */
function unavailable(error: unknown): never {
  if (!(error instanceof TercetError) || exitCodeOf(error) === exitCodes.usage) throw error;
  if (exitCodeOf(error) === exitCodes.unavailable) throw error;
  throw new TercetError('COORDINATOR_UNAVAILABLE', { message: error.message, cause: error });
}
