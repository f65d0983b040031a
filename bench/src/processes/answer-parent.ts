/** The child's end of the calls between the benchmark's processes. */
import type { Asked, Calls, Mark, Told } from './calls';

/** How a child answers each call. */
export type Answers<C extends Calls> = {
  readonly [Name in keyof C]: (ask: C[Name]['ask']) => C[Name]['tell'] | Promise<C[Name]['tell']>;
};

/** Answers the process that started this one, and ends with it, after `leave` where there is something to do. */
export function answerParent<C extends Calls>(
  answers: Answers<C>,
  leave: () => Promise<void> = () => Promise.resolve(),
): void {
  const byName = answers as Readonly<Record<string, (ask: unknown) => unknown>>;
  const answer = async ({ id, name, ask }: Asked): Promise<Told> => {
    try {
      return { id, value: await byName[name]?.(ask) };
    } catch (error) {
      return { id, error: textOf(error) };
    }
  };
  process.on('message', (asked: Asked) => {
    void answer(asked).then((told) => process.send?.(told));
  });
  process.once('disconnect', () => void leave().finally(() => process.exit(0)));
}

/** What this process has used up to now. */
export function markNow(): Mark {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), cpuUs: user + system };
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
