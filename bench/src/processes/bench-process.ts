/** The parent's end: starts a process of the benchmark from its built file, and asks it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type {
  Asked,
  Calls,
  CoordinatorCalls,
  LoadCalls,
  ParticipantsCalls,
  ServerCalls,
  Told,
} from './calls';

/** Longest wait for an answer: whatever happens, the benchmark ends. */
const ANSWER_MS_MAX = 150_000;

const programs = {
  coordinator: join(__dirname, 'coordinator-process.js'),
  participants: join(__dirname, 'participants-process.js'),
  load: join(__dirname, 'load-process.js'),
  // It starts servers as the tests do, and is no part of what is measured: it runs from its source.
  server: join(__dirname, '../../src/processes/server-process.ts'),
};

interface CallsOf {
  coordinator: CoordinatorCalls;
  participants: ParticipantsCalls;
  load: LoadCalls;
  server: ServerCalls;
}

/** What a process is. */
export type Role = keyof CallsOf;

function optionsOf(role: Role, profileFolder: string | undefined): string[] {
  if (role === 'server') return ['--require', require.resolve('tsx/cjs')];
  return profileFolder === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${join(profileFolder, role)}`];
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type AskOf<C extends Calls, Name extends keyof C> = C[Name]['ask'] extends undefined
  ? []
  : [ask: C[Name]['ask']];

/** A running process. It ends with this one, however that ends. */
export class BenchProcess<R extends Role> {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;

  /** `profileFolder`: where it writes a CPU profile of its life; undefined = it writes none. */
  constructor(
    private readonly role: R,
    private readonly profileFolder: string | undefined,
  ) {
    // Built code under plain node: no loader, no flags and no options of whoever started the benchmark.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.child = fork(programs[role], [], {
      env,
      execArgv: optionsOf(role, profileFolder),
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    this.child.on('message', (told: Told) => this.take(told));
    this.child.once('exit', (code, signal) => {
      this.fail(`the ${role} process ended early (${signal ?? `exit code ${code}`})`);
    });
    this.child.once('error', (error) => this.fail(`the ${role} process: ${error.message}`));
  }

  /** Asks, and resolves with the answer. Rejects with what the process threw. */
  ask<Name extends keyof CallsOf[R] & string>(
    name: Name,
    ...[ask]: AskOf<CallsOf[R] & Calls, Name>
  ): Promise<(CallsOf[R] & Calls)[Name]['tell']> {
    const id = this.asked++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error(`the ${this.role} process did not answer ${name}`));
      }, ANSWER_MS_MAX);
      const settle = (): void => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      this.waiting.set(id, {
        resolve: (value) => (settle(), resolve(value)),
        reject: (error) => (settle(), reject(error)),
      });
      this.child.send({ id, name, ask } satisfies Asked, (error) => {
        if (error !== null) this.waiting.get(id)?.reject(error);
      });
    });
  }

  /** Ends it: at once, or by itself where its profile has to be written. Repeating is safe. */
  async end(): Promise<void> {
    if (this.profileFolder === undefined) return await this.kill();
    if (this.child.connected) this.child.disconnect();
    await this.exited();
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited();
  }

  private async exited(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
  }

  private take(told: Told): void {
    const waiting = this.waiting.get(told.id);
    if ('error' in told) waiting?.reject(new Error(`in the ${this.role} process: ${told.error}`));
    else waiting?.resolve(told.value);
  }

  private fail(text: string): void {
    for (const waiting of [...this.waiting.values()]) waiting.reject(new Error(text));
  }
}
