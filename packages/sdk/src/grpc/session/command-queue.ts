/**
 * Commands that wait for a stream with room for them.
 *
 * Q1 They leave in their order, except that one which finds no room of its kind holds up no other kind.
 * Q2 A command that is over is passed over.
 */
import type { Patience } from '../command-kinds';
import type { Command } from './command';

/** The queue. Whoever puts commands in bounds them: each has a deadline. */
export class CommandQueue {
  private readonly lanes: Readonly<Record<Patience, Command[]>> = {
    quick: [],
    decision: [],
    wait: [],
  };
  private readonly all = Object.values(this.lanes);
  private order = 0;

  /** Whether anything waits. */
  get empty(): boolean {
    return this.all.every((lane) => firstOf(lane) === undefined);
  }

  /** Puts a command at the end. */
  push(command: Command): void {
    command.order = this.order++;
    this.lanes[command.question.patience].push(command);
  }

  /** Puts commands back that were taken; they keep their order. */
  putBack(commands: readonly Command[]): void {
    for (const command of commands.toReversed())
      this.lanes[command.question.patience].unshift(command);
  }

  /** The next command for which there is room. */
  take(hasRoom: (patience: Patience) => boolean): Command | undefined {
    let next: Command | undefined;
    for (const lane of this.all) {
      const first = firstOf(lane);
      if (first === undefined || !hasRoom(first.question.patience)) continue;
      if (next === undefined || first.order < next.order) next = first;
    }
    if (next !== undefined) this.lanes[next.question.patience].shift();
    return next;
  }

  /** All that wait, in no order. */
  takeAll(): readonly Command[] {
    return this.all.flatMap((lane) => lane.splice(0)).filter(({ over }) => !over);
  }
}

function firstOf(lane: Command[]): Command | undefined {
  while (lane[0]?.over === true) lane.shift();
  return lane[0];
}
