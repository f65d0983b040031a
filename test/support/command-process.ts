/** The `tercet` command as a process of its own. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { tercetProgram } from './tercet-program';

const root = path.resolve(__dirname, '../..');

/** How it ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. */
export async function commandProcess(...words: readonly string[]): Promise<CommandEnd> {
  const child = spawn(process.execPath, [...tercetProgram, ...words], {
    cwd: root,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { exitCode, stdout, stderr };
}
