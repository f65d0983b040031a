import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process that writes batches (`batch-writer-process.ts`), as its parent sees it. */
export class WriterProcess {
  /** Numbers of the batches that were acknowledged, in order. */
  readonly acknowledged: number[] = [];
  private readonly child: ChildProcess;
  private wanted: { readonly count: number; readonly reached: () => void } | undefined;

  constructor(directory: string, firstBatch: number) {
    const script = join(__dirname, 'batch-writer-process.ts');
    const flags = ['--require', require.resolve('tsx/cjs'), '--conditions=@tercet/source'];
    this.child = spawn(process.execPath, [...flags, script, directory, String(firstBatch)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.acknowledged.push(Number(line));
      if (this.acknowledged.length >= (this.wanted?.count ?? Number.POSITIVE_INFINITY))
        this.wanted?.reached();
    });
  }

  /** Resolves when `count` batches were acknowledged. Rejects when the process ends before. */
  async reach(count: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.wanted = { count, reached: resolve };
    });
    const gone = once(this.child, 'exit').then(() => {
      throw new Error('the writer ended by itself');
    });
    await Promise.race([reached, gone]);
  }

  /** Kills the process as `kill -9` does. Resolves when it is gone and all it said has been read. */
  async kill(): Promise<void> {
    const closed = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await closed;
  }
}
