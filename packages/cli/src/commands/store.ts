import type { CheckedStore } from '@tercet/coordinator';
import { type Command, Option } from 'commander';
import type { CliContext } from '../cli-context';
import { exitCodes } from '../exit-codes';
import { type JsonObject, jsonText } from '../printers/json';
import { storeText } from '../printers/store';

interface StoreFlags {
  readonly config?: string;
  readonly store?: string;
  readonly dataDir?: string;
  readonly storePasswordFile?: string;
  readonly nodeTtl?: string;
  readonly unsafeStore?: boolean;
  readonly json?: boolean;
}

/** Adds `tercet store check` and `tercet store migrate`. */
export function addStore(program: Command, context: CliContext): void {
  const store = program
    .command('store')
    .summary('look after the store, without a coordinator')
    .description('Looks after the store that a coordinator works on, or will.')
    .helpCommand(false);
  withStore(
    store
      .command('check')
      .summary('say whether a coordinator could work on a store, and who does')
      .description(
        'Looks at a store and changes nothing: the version of its schema, the settings of its server that losing ' +
          'nothing depends on, and which coordinator has it. Takes up to --node-ttl where one has it: whether that ' +
          `one lives shows in time. Exit ${exitCodes.found} when something has to be mended first.`,
      ),
  ).action(async (flags: StoreFlags) => {
    const checked = await context.deps.loadServer().checkStore(optionsOf(flags, context));
    print(checked, flags, context);
    if (checked.problems.length > 0) context.finish(exitCodes.found);
  });
  withStore(
    store
      .command('migrate')
      .summary('bring the schema of a store up to date')
      .description(
        'Makes the tables of a store, or brings them up to date, as the start of a coordinator does. May be repeated, ' +
          'and run by several at once. The embedded store must not be in use.',
      ),
  )
    .option(
      '--unsafe-store',
      'take a server that may lose what it has confirmed (env: TERCET_UNSAFE_STORE)',
    )
    .action(async (flags: StoreFlags) => {
      const checked = await context.deps.loadServer().migrateStore(optionsOf(flags, context));
      print(checked, flags, context);
    });
}

/** The options of the coordinator that name its store; they stand here too, so that help needs no coordinator. */
function withStore(command: Command): Command {
  return command
    .option(
      '--store <store>',
      'store, as `tercet server` takes it (env: TERCET_STORE, default: sqlite)',
    )
    .option(
      '--data-dir <folder>',
      'folder of the embedded store (env: TERCET_DATA_DIR, default: ./tercet-data)',
    )
    .option(
      '--store-password-file <file>',
      "file with the password of the store's server (env: TERCET_STORE_PASSWORD_FILE, or TERCET_STORE_PASSWORD itself)",
    )
    .option(
      '--node-ttl <duration>',
      'how long to watch a coordinator for a sign of life (env: TERCET_NODE_TTL, default: 10s)',
    )
    .option('--config <file>', 'YAML file of settings (env: TERCET_CONFIG)')
    .addOption(new Option('--json', 'print one JSON object'));
}

function optionsOf(
  flags: StoreFlags,
  { deps }: CliContext,
): { readonly flags: Record<string, string>; readonly env: CliContext['deps']['env'] } {
  const given = {
    config: flags.config,
    store: flags.store,
    'data-dir': flags.dataDir,
    'store-password-file': flags.storePasswordFile,
    'node-ttl': flags.nodeTtl,
    'unsafe-store': flags.unsafeStore === true ? 'true' : undefined,
  };
  const set = Object.entries(given).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return { flags: Object.fromEntries(set), env: deps.env };
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
  const { store, server, schema, current, prerequisites, holder, problems } = checked;
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
    holder: holder === undefined ? null : { where: holder.where, alive: holder.alive },
    problems: [...problems],
  };
}
