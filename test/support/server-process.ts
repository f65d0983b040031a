/** `tercet server` as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterTest } from './clean-up';
import { tercetProgram } from './tercet-program';

const root = path.resolve(__dirname, '../..');

/** The last line of what a ready one prints. */
const READY = 'Ctrl-C stops it.';

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A coordinator that is ready. Killed after the test where it still runs. */
export class ServerProcess {
  /** What it printed. */
  readonly lines: string[] = [];
  /** What it logged. */
  log = '';
  /** Resolves when the process is gone. */
  readonly ended: Promise<ProcessEnd>;
  private readonly child: ChildProcess;
  private listeners: (() => void)[] = [];

  private constructor(flags: readonly string[]) {
    const words = ['server', '--http-address', 'off', ...flags];
    this.child = spawn(process.execPath, [...tercetProgram, ...words], {
      cwd: root,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code, signal) => resolve({ code, signal })),
    );
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error('a server without pipes');
    stderr.on('data', (data: Buffer) => (this.log += data.toString()));
    createInterface({ input: stdout }).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.listeners) look();
    });
  }

  /** Starts one on `dataDir` and resolves when it is ready. */
  static async start(dataDir: string, ...flags: readonly string[]): Promise<ServerProcess> {
    const port = flags.includes('--grpc-address') ? [] : ['--grpc-address', '127.0.0.1:0'];
    const server = new ServerProcess(['--data-dir', dataDir, ...port, ...flags]);
    afterTest(() => server.kill());
    await server.line(READY);
    return server;
  }

  /** Starts one that outlives the test: whoever calls ends it. Resolves when it is ready. */
  static async launch(...flags: readonly string[]): Promise<ServerProcess> {
    const server = new ServerProcess(flags);
    try {
      await server.line(READY);
      return server;
    } catch (error) {
      await server.kill();
      throw error;
    }
  }

  /** Address of gRPC, as the banner tells it. */
  get address(): string {
    return this.lines.find((line) => line.startsWith('  gRPC'))?.split(/\s+/)[2] ?? '';
  }

  /** Resolves when it has printed a line that begins so. */
  async line(start: string): Promise<void> {
    const printed = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.lines.some((line) => line.startsWith(start))) resolve();
      };
      this.listeners.push(look);
      look();
    });
    const gone = this.ended.then(({ code, signal }) => {
      throw new Error(`it ended (${code ?? signal}) without "${start}": ${this.log}`);
    });
    await Promise.race([printed, gone]);
  }

  /** How it ended; rejects where it still runs after so many milliseconds. */
  async endedWithin(ms: number): Promise<ProcessEnd> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it still runs after ${ms} ms`)), ms);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as a power cut does. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
