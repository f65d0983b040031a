/** `tercet stuck` as an operator runs it, on this terminal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { tercetCommand } from './world';

/** So many stuck branches are shown. */
const STUCK_SHOWN = 6;

/** Shows the list, and resolves with how many branches its closing line counts. */
export async function showStuck(address: string): Promise<number> {
  const command = ['stuck', '--limit', String(STUCK_SHOWN)];
  console.log(`\n$ tercet ${command.join(' ')}`);
  const child = spawn(process.execPath, [tercetCommand, ...command], {
    env: { ...process.env, TERCET_ADDRESS: address },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [notes, [code]] = await Promise.all([text(child.stderr), closed]);
  console.log(notes);
  if (code !== 0) throw new Error(`tercet stuck ended with exit code ${code ?? '?'}`);
  return stuckBranchesIn(notes);
}

/** How many branches the closing line counts: `8 stuck branches in 8 transactions, …`. */
export function stuckBranchesIn(notes: string): number {
  const count = /^(\d+) stuck branch/m.exec(notes)?.[1];
  // Between our question and the command's own, everything may have ended.
  return count === undefined ? 0 : Number(count);
}
