/** Plays a program on a participant, and judges what was seen. */
import type { BarrierCall, BarrierEnd, OpenedCall, WorkDone } from '@tercet/sdk';
import { TccRetry } from '@tercet/sdk';
import { newRunId } from '@tercet/core';
import { systemClock, systemRandom } from '@tercet/runtime';
import { type Business, Death, type Left, type Level } from './business';
import { type Carried, type Seen, canBe } from './history';
import { pause } from './pause';
import type { Program, Step } from './program';

const DEADLINE_MS = 20_000;
const FREE = 100;

/** What became of a program. */
export interface Played {
  readonly program: Program;
  readonly level: string;
  readonly calls: readonly Carried[];
  readonly left: Left;
  /** What cannot be; empty = all is well. */
  readonly wrong: readonly string[];
}

/** Plays it. Rejects where the database cannot be asked. */
export async function play<Db>(business: Business<Db>, program: Program): Promise<Played> {
  const level = business.levels[program.level % business.levels.length];
  if (level === undefined) throw new Error('a participant has at least one level');
  const runId = newRunId(systemRandom);
  await business.open(runId);
  const player = new Player(business, level, { program, runId });
  const calls = await player.carryAll();
  const left = await business.left(runId);
  const wrong = wrongIn(program, calls, left);
  return { program, level: level.name, calls, left, wrong };
}

interface Playing {
  readonly program: Program;
  readonly runId: string;
}

class Player<Db> {
  private moment = 0;

  constructor(
    private readonly business: Business<Db>,
    private readonly level: Level<Db>,
    private readonly playing: Playing,
  ) {}

  async carryAll(): Promise<readonly Carried[]> {
    const all: Promise<Carried>[] = [];
    for (const [i, step] of this.playing.program.steps.entries()) {
      if (!step.together) await Promise.all(all);
      all.push(this.carry(step, i));
    }
    return Promise.all(all);
  }

  private async carry(step: Step, i: number): Promise<Carried> {
    await pause(step.delayMs);
    this.moment += 1;
    const from = this.moment;
    const work = new Work(this.business, {
      step,
      runId: this.playing.runId,
      name: `${step.phase} ${i}`,
    });
    const seen = await seenOf(
      this.level.barrier.carryOut(this.callOf(step), (opened) => work.run(opened)),
    );
    this.moment += 1;
    return { step, reply: work.reply, tried: work.tried, seen, from, to: this.moment };
  }

  private callOf({ phase, branchId }: Step): BarrierCall {
    const { program, runId } = this.playing;
    return {
      runId,
      branchId,
      gid: `order ${program.seed}`,
      service: 'shop.StockTcc',
      action: 'reserve',
      phase,
      attempt: 1,
      deadline: systemClock.now() + DEADLINE_MS,
      givenUp: () => false,
      cancelWhenTryUnknown: program.cancelWhenTryUnknown,
      encodeReply: (reply) => Buffer.from(String(reply)),
    };
  }
}

/** The work of one call, which runs anew after a deadlock. */
class Work<Db> {
  reply = '';
  tried: string | undefined;
  private runs = 0;

  constructor(
    private readonly business: Business<Db>,
    private readonly of: { readonly step: Step; readonly runId: string; readonly name: string },
  ) {}

  async run(opened: OpenedCall<Db>): Promise<WorkDone> {
    const { step, runId, name } = this.of;
    this.runs += 1;
    this.reply = `${name}.${this.runs}`;
    if (step.mishap === 'throws') throw new Death('thrown');
    const done = await this.business.work(opened, { runId, step, reply: this.reply });
    const { tried } = opened;
    this.tried = tried === undefined ? 'nothing' : Buffer.from(tried.reply).toString();
    if (tried !== undefined) this.business.checkNote(tried, this.tried);
    if (step.mishap === 'dies before COMMIT') throw new Death('before COMMIT');
    return done;
  }
}

async function seenOf(carried: Promise<BarrierEnd>): Promise<Seen> {
  try {
    const end = await carried;
    if (end.kind === 'done' || end.kind === 'duplicate') {
      return { kind: end.kind, reply: Buffer.from(end.reply).toString() };
    }
    return { kind: end.kind };
  } catch (error) {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const nothing = error instanceof Death || error instanceof TccRetry;
    return { kind: nothing ? 'none' : 'unknown', why };
  }
}

function wrongIn(program: Program, calls: readonly Carried[], left: Left): readonly string[] {
  const wrong: string[] = [];
  for (const branchId of ['1', '2']) {
    const own = calls.filter(({ step }) => step.branchId === branchId);
    const effects = left.effects[branchId];
    if (effects === undefined || !canBe(own, effects, program.cancelWhenTryUnknown)) {
      wrong.push(`no order of the calls of branch ${branchId} explains what was seen and left`);
    }
  }
  for (const { step, seen } of calls) {
    if (seen.kind !== 'unknown' || step.mishap !== 'none') continue;
    wrong.push(
      `${step.phase} of branch ${step.branchId} failed though nothing was done to it: ${seen.why}`,
    );
  }
  return [...wrong, ...wrongBalances(left)];
}

function wrongBalances({ effects, free, held, sold }: Left): readonly string[] {
  const sum = (of: 'try' | 'confirm' | 'cancel'): number =>
    Object.values(effects).reduce((total, each) => total + each[of], 0);
  const expected = {
    free: FREE - sum('try') + sum('cancel'),
    held: sum('try') - sum('confirm') - sum('cancel'),
    sold: sum('confirm'),
  };
  const found = { free, held, sold };
  if (JSON.stringify(expected) === JSON.stringify(found)) return [];
  return [`balances are ${JSON.stringify(found)}, the effects come to ${JSON.stringify(expected)}`];
}

/** For people: what was played, what was seen, what was left, and what of it is wrong. */
export function told({ program, level, calls, left, wrong }: Played): string {
  const lines = calls.map(({ step, seen, from, to }) => {
    const { phase, branchId, mishap } = step;
    const how = mishap === 'none' ? '' : ` (${mishap})`;
    const { kind, ...rest } = seen;
    return `  ${from}–${to}  ${phase} of branch ${branchId}${how} → ${kind} ${Object.values(rest).join('')}`;
  });
  return [
    `program ${program.seed} at ${level}, cancelWhenTryUnknown ${program.cancelWhenTryUnknown}:`,
    ...lines,
    `  left: ${JSON.stringify(left)}`,
    ...wrong.map((each) => `  wrong: ${each}`),
  ].join('\n');
}
