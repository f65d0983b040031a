/** Child processes: started, watched, killed, started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How a program is started. */
export interface ProgramSpec {
  readonly name: string;
  /** Script and arguments, for `node`. */
  readonly args: readonly string[];
  /** Whether a line on standard output says that it is ready. Default: it is ready at once. */
  readonly isReady?: (line: string) => boolean;
  /** Hears every line on standard output. */
  readonly onLine?: (line: string) => void;
  /** Hears of an end that nobody here asked for. */
  readonly onCrash?: (exit: Exit) => void;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const TAIL_LINES = 15;
const endWithParent = path.join(__dirname, 'end-with-parent.js');
const alive = new Set<ChildProcess>();

/** Ends every child at once. The last thing the demo does on every path; repeating is safe. */
export function killAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}

/** One program, which may live several times. */
export class Program {
  /** How often it was started. */
  starts = 0;
  /** The last lines on standard error, for when something goes wrong. */
  readonly tail: string[] = [];
  private child: ChildProcess | undefined;
  private exited: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  private ending = false;

  constructor(readonly spec: ProgramSpec) {}

  /** Whether it runs now. */
  get running(): boolean {
    return this.child !== undefined;
  }

  /** Starts it; resolves when it is ready, rejects when it ends before. */
  async start(): Promise<void> {
    this.starts++;
    this.ending = false;
    const args = ['--require', endWithParent, ...this.spec.args];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    alive.add(child);
    this.child = child;
    let isUp = false;
    const ready = new Promise<void>((resolve) => {
      const up = (): void => {
        isUp = true;
        resolve();
      };
      if (this.spec.isReady === undefined) up();
      readLines(child.stdout, (line) => {
        if (this.spec.isReady?.(line) === true) up();
        this.spec.onLine?.(line);
      });
    });
    readLines(child.stderr, (line) => {
      this.tail.push(line);
      this.tail.splice(0, this.tail.length - TAIL_LINES);
    });
    this.exited = new Promise((resolve) => {
      // `close`, not `exit`: by then everything that it printed was read.
      child.once('close', (code, signal) => {
        alive.delete(child);
        this.child = undefined;
        resolve({ code, signal });
        if (isUp && !this.ending) this.spec.onCrash?.({ code, signal });
      });
    });
    const first = await Promise.race([ready, this.exited]);
    if (first !== undefined) throw new Error(`${this.spec.name} did not start: ${exitText(first)}`);
  }

  /** Sends a signal and resolves when it has ended. Where it does not run, that is at once. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.ending = true;
    this.child?.kill(signal);
    return this.exited;
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<Exit> {
    return this.exited;
  }
}

/** `exit code 1`, `SIGKILL`. */
export function exitText({ code, signal }: Exit): string {
  return signal ?? `exit code ${code ?? '?'}`;
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
}
