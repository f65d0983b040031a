/** The `tercet` command as a process of its own, from the sources as they are. */
import { spawn } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const source = path.join(root, 'packages/cli/src/main.ts');
const fromSource = ['--require', 'tsx/cjs', '--conditions=@tercet/source'];

/** How it ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. */
export async function commandProcess(...words: readonly string[]): Promise<CommandEnd> {
  const child = spawn(process.execPath, [...fromSource, source, ...words], {
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
