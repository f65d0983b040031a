/** What the commands that move whole stores tell: one fact on a line. */
import type { BackedUp, Copied, Quarantined, Restored } from '@tercet/coordinator';
import { oneLine } from '../one-line';
import { counted } from './counted';

/** `tercet store backup`. */
export function backupText({ store, file, bytes, transactions, unfinished }: BackedUp): string {
  return lines([
    ['store', store],
    ['backup', file],
    ['size', bytesText(bytes)],
    ['holds', `${transactionsText(transactions)}, ${unfinished} of them unfinished`],
  ]);
}

/** `tercet store restore`. */
export function restoredText(restored: Restored): string {
  const { store, file, transactions, unfinished } = restored;
  return lines([
    ['backup', file],
    ['store', store],
    ['restored', `${transactionsText(transactions)}${tombstonesText(restored)}`],
    ['parked', `${unfinished} unfinished, until an operator resumes or resolves them`],
  ]);
}

/** `tercet store copy`. */
export function copiedText(copied: Copied): string {
  const { from, to, transactions, unfinished } = copied;
  const whole = `${transactionsText(transactions)}${tombstonesText(copied)}`;
  return lines([
    ['from', from],
    ['to', to],
    ['copied', `${whole}, ${unfinished} of them unfinished; all were compared`],
  ]);
}

/** `tercet store quarantine`. */
export function quarantinedText({ store, dryRun, unfinished, parked }: Quarantined): string {
  const before = unfinished - parked;
  return lines([
    ['store', store],
    ['unfinished', transactionsText(unfinished)],
    [
      dryRun ? 'to park' : 'parked',
      before === 0 ? `${parked}` : `${parked}, ${before} were before`,
    ],
  ]);
}

/** A size for people. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit] ?? ''}`;
}

function transactionsText(count: number): string {
  return counted(count, 'transaction', 'transactions');
}

function tombstonesText({ tombstones }: { readonly tombstones: number }): string {
  return tombstones === 0 ? '' : ` (of ${tombstones} of them only the outcome was kept)`;
}

function lines(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${oneLine(text)}`).join('\n');
}
