import type { CheckedStore } from '@tercet/coordinator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { exitCodes } from '../exit-codes';
import { type JsonObject, jsonText } from '../printers/json';
import { storeText } from '../printers/store';
import { type StoreFlags, optionsOf, withStore, withUnsafe } from './store-flags';
import { addBackup, addCopy, addQuarantine, addRestore } from './store-moves';

/** Adds `tercet store` with all its commands. */
export function addStore(program: Command, context: CliContext): void {
  const store = program
    .command('store')
    .summary('look after the store, without a coordinator')
    .description('Looks after the store that a coordinator works on, or will.')
    .helpCommand(false);
  withStore(
    store
      .command('check')
      .summary('say whether a coordinator could work on a store, and which ones do')
      .description(
        'Looks at a store and changes nothing: the version of its schema, the settings of its server that losing ' +
          'nothing depends on, and which coordinators share it. Takes up to --node-ttl where there are any: which of ' +
          `them live shows in time. Exit ${exitCodes.found} when something has to be mended first.`,
      ),
  ).action(async (flags: StoreFlags) => {
    const checked = await context.deps.loadServer().checkStore(optionsOf(flags, context));
    print(checked, flags, context);
    if (checked.problems.length > 0) context.finish(exitCodes.found);
  });
  withUnsafe(
    withStore(
      store
        .command('migrate')
        .summary('bring the schema of a store up to date')
        .description(
          'Makes the tables of a store, or brings them up to date, as the start of a coordinator does. May be repeated, ' +
            'and run by several at once. The embedded store must not be in use.',
        ),
    ),
  ).action(async (flags: StoreFlags) => {
    const checked = await context.deps.loadServer().migrateStore(optionsOf(flags, context));
    print(checked, flags, context);
  });
  addBackup(store, context);
  addRestore(store, context);
  addQuarantine(store, context);
  addCopy(store, context);
}

function print(checked: CheckedStore, flags: StoreFlags, context: CliContext): void {
  if (flags.json === true) {
    context.print(jsonText(storeJson(checked)));
    return;
  }
  context.print(storeText(checked));
  for (const problem of checked.problems) context.note(`problem: ${problem}`);
}

function storeJson(checked: CheckedStore): JsonObject {
  const { store, server, schema, current, prerequisites, nodes, problems } = checked;
  return {
    store,
    server,
    schema: schema === undefined ? null : { version: schema.version, minReader: schema.minReader },
    currentSchema: current,
    prerequisites: prerequisites.map(({ name, value, wanted, met }) => ({
      name,
      value,
      wanted,
      met,
    })),
    nodes: nodes.map(({ where, alive }) => ({ where, alive })),
    problems: [...problems],
  };
}
