/** `tercet store backup`, `restore`, `quarantine` and `copy`: whole stores that go somewhere, or come back. */
import type { Copied, Quarantined, Restored, TransferProgress } from '@tercet/coordinator';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context';
import { type ConfirmationFlags, confirmationOf } from '../confirmation';
import { exitCodes } from '../exit-codes';
import { oneLine } from '../one-line';
import { type JsonObject, jsonText } from '../printers/json';
import {
  backupText,
  bytesText,
  copiedText,
  quarantinedText,
  restoredText,
} from '../printers/store-moves';
import { UsageError } from '../usage-error';
import { type StoreFlags, optionsOf, withStore, withStoreServer, withUnsafe } from './store-flags';

/** Adds `tercet store backup`. */
export function addBackup(store: Command, context: CliContext): void {
  const command = store
    .command('backup')
    .summary('copy the embedded store into a file, beside a running coordinator')
    .description(
      'Copies the embedded store into one file, as it is at one moment. A coordinator may work on it meanwhile.\n' +
        'A file that exists is never replaced. A store on a server is backed up with the tools of that server.',
    )
    .requiredOption('--to <file>', 'the file to make');
  withStore(command).action(async (flags: StoreFlags & { readonly to: string }) => {
    const done = await context.deps.loadServer().backupStore({
      ...optionsOf(flags, context),
      to: flags.to,
      onProgress: ({ bytes, ofBytes }) => {
        context.note(`${bytesText(bytes)} of about ${bytesText(ofBytes)} copied`);
      },
    });
    tell({ json: { ...done }, text: backupText(done) }, flags, context);
  });
}

/** Adds `tercet store restore`. */
export function addRestore(store: Command, context: CliContext): void {
  const command = store
    .command('restore')
    .summary('put a backup into an empty store, with everything unfinished parked')
    .description(
      'Puts a file of `tercet store backup` into an empty store of any kind, and reads it back. Everything\n' +
        'unfinished comes back parked: nothing is called and nothing times out before an operator resumes or\n' +
        'resolves it. No coordinator may work on the store meanwhile.',
    )
    .requiredOption('--from <file>', 'the backup');
  withUnsafe(withStore(command)).action(async (flags: StoreFlags & { readonly from: string }) => {
    const done: Restored = await context.deps.loadServer().restoreStore({
      ...optionsOf(flags, context),
      from: flags.from,
      onProgress: progressNotes(context),
    });
    tell({ json: { ...done }, text: restoredText(done) }, flags, context);
    context.note('Next: start a coordinator on it, then `tercet stuck --reason restored`');
  });
}

interface QuarantineFlags extends StoreFlags, ConfirmationFlags {
  readonly dryRun?: boolean;
}

/** Adds `tercet store quarantine`. */
export function addQuarantine(store: Command, context: CliContext): void {
  const command = store
    .command('quarantine')
    .summary('park everything unfinished in a store that other tools have put back')
    .description(
      'For a store that was put back by the tools of its server, or by copying its files: parks everything\n' +
        'unfinished in place, before a coordinator starts. Nothing is called and nothing times out before an\n' +
        'operator resumes or resolves it. Refused while a coordinator works on the store. May be repeated: one\n' +
        'that was cut off has to be.',
    )
    .option('-n, --dry-run', 'count what would be parked, park nothing')
    .option('--confirm <store>', 'confirms it: the store without its password')
    .option('--no-input', 'ask nothing: --confirm has to be there');
  withUnsafe(withStore(command)).action((flags: QuarantineFlags) => quarantine(flags, context));
}

async function quarantine(flags: QuarantineFlags, context: CliContext): Promise<void> {
  const server = context.deps.loadServer();
  const options = optionsOf(flags, context);
  const dryRun = flags.dryRun === true;
  if (!dryRun && !(await confirmed(await server.storeWords(options), flags, context))) return;
  const done: Quarantined = await server.quarantineStore({
    ...options,
    dryRun,
    onProgress: ({ done: looked }) => context.note(`${looked} unfinished transactions looked at`),
  });
  tell({ json: { ...done }, text: quarantinedText(done) }, flags, context);
  context.note(
    dryRun
      ? 'Next: the same command without --dry-run'
      : 'Next: start a coordinator on it, then `tercet stuck --reason restored`',
  );
}

/** Throws UsageError for other words; false = the person went away. */
async function confirmed(
  words: string,
  flags: QuarantineFlags,
  context: CliContext,
): Promise<boolean> {
  const confirmation = confirmationOf(words, flags, context);
  if (confirmation.kind === 'given') return true;
  context.note(
    `Every unfinished transaction of ${oneLine(words)} will be parked, and waits for an operator.`,
  );
  const typed = await confirmation.ask(`Type ${oneLine(words)} to go on: `);
  if (typed === true) return true;
  if (typed === false) {
    throw new UsageError(
      `that was not ${oneLine(words)}: nothing was changed`,
      'run it again, and type exactly that, capitals included',
    );
  }
  context.note('Nothing was changed.');
  context.finish(exitCodes.interrupted);
  return false;
}

interface CopyFlags extends StoreFlags {
  readonly from: string;
  readonly to: string;
  readonly fromPasswordFile?: string;
}

/** Adds `tercet store copy`. */
export function addCopy(store: Command, context: CliContext): void {
  const command = store
    .command('copy')
    .summary('copy everything into another, empty store: from SQLite to a server')
    .description(
      'Copies all transactions of one store into another, empty one, as they are, and compares each. No coordinator\n' +
        'may work on either meanwhile. May be started again after it was cut off. Afterwards a coordinator may\n' +
        'start on the copy, and none ever again on the source: both would carry out the same work.',
    )
    .requiredOption('--from <store>', 'the source: sqlite:FOLDER, or a URL as --store takes it')
    .requiredOption('--to <store>', 'the empty store to fill, as `tercet server --store` takes it')
    .option(
      '--from-password-file <file>',
      "file with the password of the source's server (env: TERCET_FROM_PASSWORD is the password itself)",
    );
  withUnsafe(withStoreServer(command)).action(async (flags: CopyFlags) => {
    const { from, to, fromPasswordFile } = flags;
    const done: Copied = await context.deps.loadServer().copyStore({
      ...optionsOf({ ...flags, store: to }, context),
      from,
      fromPasswordFile,
      onProgress: progressNotes(context),
    });
    tell({ json: { ...done }, text: copiedText(done) }, flags, context);
    context.note(`Next: start a coordinator on the copy; never start one on ${done.from} again`);
  });
}

/** Transactions between two notes. */
const NOTE_EACH = 5_000;

function progressNotes(context: CliContext): (progress: TransferProgress) => void {
  let told = 0;
  let last: TransferProgress['step'] = 'writing';
  return ({ step, done, of }) => {
    if (step !== last) told = 0;
    last = step;
    if (done - told < NOTE_EACH) return;
    told = done;
    context.note(`${step === 'writing' ? 'written' : 'compared'}: ${done} of ${of} transactions`);
  };
}

function tell(
  { json, text }: { readonly json: JsonObject; readonly text: string },
  flags: StoreFlags,
  context: CliContext,
): void {
  context.print(flags.json === true ? jsonText(json) : text);
}
