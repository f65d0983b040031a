/** The calls of one branch, as the coordinator and the initiator would make them. */
import { grpcCode } from '@tercet/core';
import { systemScheduler } from '@tercet/runtime';
import { type Answer, answerOf, mayRepeat } from './answer';
import { shown } from './difference';
import type { Fault } from './faults';
import { LawBroken } from './law';
import type { OutgoingCall } from './running-participant';
import type { Stage } from './stage';
import type { StoryLine } from './story';

/** A phase of a branch. */
export type Phase = 'try' | 'confirm' | 'cancel';

/** How often a call is repeated until it counts as refused for good. */
const ATTEMPTS_MAX = 8;
const FIRST_DELAY_MS = 10;

/** One run, as all its branches name it. */
export interface RunName {
  /** `A`, `B`, … for people. */
  readonly label: string;
  readonly gid: string;
  readonly runId: string;
}

/** Which branch, and with what request. */
export interface BranchInit {
  readonly run: RunName;
  /** `1`, `2`, … */
  readonly id: string;
  readonly request: unknown;
  readonly notAfter: number;
}

/** One branch. Attempts are counted by themselves, for each phase. */
export class BranchCalls {
  private introduced = false;
  private readonly attempts = { try: 0, confirm: 0, cancel: 0 };

  constructor(
    private readonly stage: Stage,
    private readonly init: BranchInit,
  ) {}

  /** Calls once. Throws LawBroken where the handler hangs. */
  async call(phase: Phase): Promise<Answer> {
    const call = this.next(phase);
    const line = this.told(call);
    const answer = answerOf(await this.stage.participant.call(call), call.method);
    line.ended(this.stage.plain(answer.text));
    if (answer.code === grpcCode.DEADLINE_EXCEEDED) this.refuseHanging(phase, call.deadlineMs);
    return answer;
  }

  /** Calls with something going wrong. A crash starts the participant anew. `struck` = it took place. */
  async faulty(
    phase: Phase,
    fault: Fault,
  ): Promise<{ readonly answer: Answer; readonly struck: boolean; readonly uses: number }> {
    const attempt = this.attempts[phase] + 1;
    const name = { runId: this.init.run.runId, branchId: this.init.id, phase, attempt };
    const armed = this.stage.faults.arm(name, fault);
    const answer = await this.call(phase);
    this.stage.faults.disarm(name);
    if (armed.struck && fault.kind.startsWith('crash')) {
      this.stage.story.note(`the participant died ${placeOf(fault)}, and was started anew`);
      await this.stage.restart();
    }
    return { answer, struck: armed.struck, uses: armed.uses };
  }

  /** Calls until it is answered OK, as the coordinator does. Throws LawBroken where it never is. */
  async done(phase: Phase): Promise<Answer> {
    let answer = await this.call(phase);
    for (let i = 1; i < ATTEMPTS_MAX && !answer.ok && mayRepeat(answer); i += 1) {
      await pause(FIRST_DELAY_MS * 2 ** (i - 1));
      answer = await this.call(phase);
    }
    if (answer.ok) return answer;
    throw new LawBroken({
      expected: `${phase} of branch ${this.init.id} of run ${this.init.run.label} to be answered OK`,
      found: [this.stage.plain(answer.text)],
    });
  }

  /** Calls once, and it must not be answered OK. */
  async refused(phase: Phase, why: string): Promise<Answer> {
    const answer = await this.call(phase);
    if (!answer.ok) return answer;
    throw new LawBroken({
      expected: `${why} not to be answered OK`,
      found: [this.stage.plain(answer.text)],
    });
  }

  private next(phase: Phase): OutgoingCall {
    this.attempts[phase] += 1;
    const { action, callTimeoutMs } = this.stage;
    const { run, id, request, notAfter } = this.init;
    const method = action.methods[phase];
    return {
      gid: run.gid,
      runId: run.runId,
      branchId: id,
      action: action.name,
      phase,
      attempt: this.attempts[phase],
      method,
      payload: method.requestSerialize(request as never),
      notAfter,
      deadlineMs: callTimeoutMs,
    };
  }

  private told({ phase, attempt }: OutgoingCall): StoryLine {
    const { story } = this.stage;
    const { run, id, request } = this.init;
    const name = `run ${run.label}, branch ${id}`;
    if (!this.introduced) story.note(`${name} asks for ${shown(request)}`);
    this.introduced = true;
    return story.call(`${phase.padEnd(7)} ${name}`, `attempt ${attempt}`);
  }

  private refuseHanging(phase: Phase, deadlineMs: number): void {
    const { action, participant } = this.stage;
    const name = `${phase} of ${action.name}`;
    if (!participant.handlers.underWay.includes(name)) return;
    throw new LawBroken({
      expected: `the handler ${name} to return`,
      found: [`it hangs: after ${deadlineMs} ms it has neither returned nor thrown`],
      hangs: true,
    });
  }
}

function placeOf(fault: Fault): string {
  switch (fault.kind) {
    case 'crash':
      return {
        'before-commit': 'before COMMIT',
        'after-commit': 'after COMMIT, before the answer',
        'after-handler': 'after the handler, before the answer',
      }[fault.at];
    case 'crash-at-use':
      return `before use ${fault.use} of its database`;
    case 'failing-use':
    case 'reject':
    case 'count-uses':
      return 'never';
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void systemScheduler.after(ms, resolve));
}
