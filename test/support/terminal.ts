/** A reader at a terminal: commands one after another in one shell's state, and programs that stay meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What a command printed, and how it ended. */
export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A shell whose folder and exported variables carry over from block to block. */
export class Terminal {
  private readonly state: string;

  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly start: string,
    scratch: string,
  ) {
    this.state = path.join(scratch, '.shell-state');
  }

  /** The folder that the commands so far have led to. */
  get folder(): string {
    if (!existsSync(this.state)) return this.start;
    return /^cd '(.*)'$/m.exec(readFileSync(this.state, 'utf8'))?.[1] ?? this.start;
  }

  /** Runs a block of commands to its end; the first that fails ends it. */
  async run(block: string): Promise<Finished> {
    const state = `'${this.state}'`;
    const restore = `if [ -f ${state} ]; then source ${state}; fi`;
    const save = `{ export -p; echo "cd '$PWD'"; } > ${state}`;
    const shell = this.spawn(`set -eo pipefail\n${restore}\n${block}\n${save}\n`);
    const printed = collect(shell);
    await once(shell, 'close');
    return { exitCode: shell.exitCode, ...printed };
  }

  /** Starts a program that stays. */
  program(command: string): Program {
    return new Program(this.spawn(`cd '${this.folder}' && exec ${command}`), command);
  }

  private spawn(script: string): ChildProcess {
    // A group of its own: npx and tsx start the program as their child, and a signal must reach all of them.
    const options = { cwd: this.start, env: this.env, detached: true } as const;
    return spawn('bash', ['-c', script], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

/** A program in a terminal of its own. */
export class Program {
  private readonly printed: { stdout: string; stderr: string };

  constructor(
    private readonly child: ChildProcess,
    private readonly command: string,
  ) {
    this.printed = collect(child);
  }

  /** Resolves when it has printed `text`; rejects when it ends before. */
  async shows(text: string): Promise<void> {
    while (!this.printed.stdout.includes(text)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`\`${this.command}\` ended: ${this.printed.stdout}${this.printed.stderr}`);
      }
      await new Promise((resolve) => {
        this.child.stdout?.once('data', resolve);
        this.child.once('close', resolve);
      });
    }
  }

  /** What it has printed to standard output. */
  get stdout(): string {
    return this.printed.stdout;
  }

  /** Asks it to end, as a closed terminal does. Resolves when everything that it started is gone. */
  async stop(): Promise<void> {
    const { pid } = this.child;
    if (pid === undefined || !signal(pid, 'SIGTERM')) return;
    // Its pipes are closed when the last process that holds them has ended.
    const { stdout } = this.child;
    if (stdout !== null && !stdout.closed) await once(stdout, 'close');
  }

  /** Ends whatever is left of it. */
  kill(): void {
    if (this.child.pid !== undefined) signal(this.child.pid, 'SIGKILL');
  }
}

/** Sends a signal to a whole group. Answers whether there was one. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, name);
  } catch {
    return false;
  }
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const printed = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data: Buffer) => {
    printed.stdout += data.toString();
  });
  child.stderr?.on('data', (data: Buffer) => {
    printed.stderr += data.toString();
  });
  return printed;
}
