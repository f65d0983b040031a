/** What the commands on stores share: the options of the coordinator that name its store. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CliContext } from '../cli-context';

/** What {@link withStore} and its parts parse. */
export interface StoreFlags {
  readonly config?: string;
  readonly store?: string;
  readonly dataDir?: string;
  readonly storePasswordFile?: string;
  readonly nodeTtl?: string;
  readonly unsafeStore?: boolean;
  readonly json?: boolean;
}

/** The options that name a store, as the coordinator takes them; they stand here too, so that help needs no coordinator. */
export function withStore(command: Command): Command {
  return withStoreServer(
    command
      .option(
        '--store <store>',
        'store, as `tercet server` takes it (env: TERCET_STORE, default: sqlite)',
      )
      .option(
        '--data-dir <folder>',
        'folder of the embedded store (env: TERCET_DATA_DIR, default: ./tercet-data)',
      ),
  );
}

/** The rest of them, where a command names its store in a way of its own. */
export function withStoreServer(command: Command): Command {
  return command
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

/** Of a command that opens a store: what it takes on itself. */
export function withUnsafe(command: Command): Command {
  return command.option(
    '--unsafe-store',
    'take a server that may lose what it has confirmed (env: TERCET_UNSAFE_STORE)',
  );
}

/** The settings as the coordinator reads them. */
export function optionsOf(
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
