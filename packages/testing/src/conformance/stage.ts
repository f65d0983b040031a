/** Where a law is played: one action of the participant, its business state, and the story of the calls. */
import { newGid, newRunId } from '@tercet/core';
import { systemClock, systemRandom } from '@tercet/runtime';
import { ConfigError, type TccAction } from '@tercet/sdk';
import { BranchCalls, type Phase, type RunName } from './branch-calls';
import { type Captured, captured, named } from './captured';
import { differences } from './difference';
import { Faults } from './faults';
import { LawBroken } from './law';
import type { Reference } from './reference';
import { RunningParticipant } from './running-participant';
import { Story } from './story';
import type { Subject, SubjectAction } from './subject';

const NOT_AFTER_MS = 60_000;

/** Which branch a law asks for. */
export interface BranchWish {
  /** Number of the request. Default 1. */
  readonly n?: number;
  /** Default: a run of its own. */
  readonly run?: RunName;
  /** Default `1`. */
  readonly id?: string;
  /** The request itself, in the place of the `n`-th. */
  readonly request?: unknown;
}

/** One law on one action. `begin` comes before everything else; `end` after it. */
export class Stage {
  readonly story = new Story();
  readonly faults = new Faults();
  private readonly names = new Map<string, string>();
  private started: RunningParticipant | undefined;
  private runs = 0;
  private waiting: string | undefined;

  constructor(
    readonly subject: Subject,
    private readonly on: SubjectAction,
    /** What states are compared with; undefined = this is the run that makes it. */
    private readonly compared: Reference | undefined,
  ) {}

  /** The action that is checked. */
  get action(): TccAction {
    return this.on.action;
  }

  /** How long one call may take. */
  get callTimeoutMs(): number {
    return this.subject.callTimeoutMs;
  }

  /** The running participant. */
  get participant(): RunningParticipant {
    if (this.started === undefined) throw new Error('a law must begin before it calls');
    return this.started;
  }

  /** The states of undisturbed runs. */
  get reference(): Reference {
    if (this.compared === undefined) throw new Error('the reference run compares with nothing');
    return this.compared;
  }

  /** What nobody has returned from yet: handlers, `snapshot`, `reset`. */
  get underWay(): readonly string[] {
    const own = this.waiting === undefined ? [] : [this.waiting];
    return [...own, ...(this.started?.handlers.underWay ?? [])];
  }

  /** The state after `reset`, a new participant, an empty story. */
  async begin(): Promise<void> {
    await this.waitFor('reset', () => this.subject.reset());
    this.story.begin();
    this.names.clear();
    this.runs = 0;
    await this.restart();
  }

  /** Ends the participant, and starts it anew: what it had in the SDK's memory is gone. */
  async restart(): Promise<void> {
    this.end();
    this.started = await RunningParticipant.start(this.subject, this.faults);
  }

  /** Ends the participant. Repeating is safe. */
  end(): void {
    this.started?.stop();
    this.started = undefined;
  }

  /** A run nobody has heard of. `gid`: default one of its own. */
  run(gid: string = newGid(systemClock, systemRandom)): RunName {
    const label = String.fromCharCode(65 + this.runs);
    this.runs += 1;
    const name = { label, gid, runId: newRunId(systemRandom) };
    this.names.set(name.runId, `<run ${label}>`);
    if (!this.names.has(gid)) this.names.set(gid, `<gid of run ${label}>`);
    return name;
  }

  /** A branch that has not been called yet. */
  branch({ n = 1, run = this.run(), id = '1', ...rest }: BranchWish = {}): BranchCalls {
    const request = 'request' in rest ? rest.request : this.on.requests(n);
    const notAfter = systemClock.now() + NOT_AFTER_MS;
    return new BranchCalls(this, { run, id, request, notAfter });
  }

  /** A request that Try rejects; undefined = the user gave no generator. */
  refusedRequest(n: number): { readonly request: unknown } | undefined {
    const { refused } = this.on;
    return refused === undefined ? undefined : { request: refused(n) };
  }

  /** How often the handler of a phase uses its database, when nothing goes wrong. */
  async usesOf(phase: Phase): Promise<number> {
    await this.begin();
    const branch = this.branch();
    if (phase !== 'try') await branch.done('try');
    const { uses } = await branch.faulty(phase, { kind: 'count-uses' });
    return uses;
  }

  /** A text with the names of runs in the place of their ids. */
  plain(text: string): string {
    return named(text, this.names);
  }

  /** The business state now. */
  async state(): Promise<Captured> {
    const given = await this.waitFor('snapshot', () => this.subject.snapshot());
    return captured(given, this.names);
  }

  /** Throws LawBroken where the state is not the expected one. `what` says which one that is. */
  async expectState(expected: Captured, what: string): Promise<void> {
    const found = differences(expected, await this.state());
    if (found.length > 0) throw new LawBroken({ expected: what, found });
  }

  private async waitFor(name: 'snapshot' | 'reset', work: () => unknown): Promise<unknown> {
    this.waiting = name;
    try {
      return await work();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new ConfigError(`checkParticipant: ${name} failed: ${text}`, { option: name });
    } finally {
      this.waiting = undefined;
    }
  }
}
