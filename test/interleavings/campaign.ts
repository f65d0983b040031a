/** Many programs, some at a time. */
import type { Business } from './business';
import { type Played, play, told } from './play';
import { programOf } from './program';

/** How many programs run side by side: each has rows of its own, so that they only share the server. */
const SIDE_BY_SIDE = 8;

/** Which programs. */
export interface Campaign {
  readonly dialect: string;
  /** Seed of the first one; the next one has the next number. */
  readonly seed: number;
  readonly runs: number;
}

/** What came of them. */
export interface CampaignEnd {
  readonly runs: number;
  readonly calls: number;
  /** How often each kind of end was seen. */
  readonly seen: Readonly<Record<string, number>>;
  /** Empty = every law was kept. */
  readonly wrong: readonly Played[];
}

/** Plays them, and stops early where much is wrong. */
export async function campaign<Db>(
  business: Business<Db>,
  { seed, runs }: Campaign,
): Promise<CampaignEnd> {
  const seen: Record<string, number> = {};
  const wrong: Played[] = [];
  let next = 0;
  let calls = 0;
  const worker = async (): Promise<void> => {
    while (next < runs && wrong.length < 3) {
      const program = programOf(seed + next);
      next += 1;
      const played = await play(business, program);
      calls += played.calls.length;
      for (const { seen: how } of played.calls) seen[how.kind] = (seen[how.kind] ?? 0) + 1;
      if (played.wrong.length > 0) wrong.push(played);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  return { runs: next, calls, seen, wrong };
}

/** What is wrong, and how to play it again. */
export function toldWrong(
  { dialect }: Pick<Campaign, 'dialect'>,
  wrong: readonly Played[],
): string {
  return wrong
    .map((played) => {
      const { seed } = played.program;
      const again = `npm run interleavings -- --dialect ${dialect} --seed ${seed} --runs 1 --times 100`;
      return `${told(played)}\n  again: ${again}`;
    })
    .join('\n\n');
}
