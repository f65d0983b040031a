/** What a CPU profile of V8 says about functions: the time spent in each one itself, not in what it calls. */

/** The part of a `.cpuprofile` file that is read. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0. */
      readonly lineNumber: number;
    };
  }[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** A function and its own time. */
export interface Cost {
  /** `name  place:line`. */
  readonly name: string;
  readonly ms: number;
  /** Of the time in which the thread was not idle, 0 to 1. */
  readonly share: number;
}

/** The functions of a thread, the costliest first. */
export function selfTimes(profile: CpuProfile): readonly Cost[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const us = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    // The time after a sample is spent in what the sample saw.
    const name = names.get(id) ?? '(unknown)';
    us.set(name, (us.get(name) ?? 0) + (profile.timeDeltas[i + 1] ?? 0));
  });
  us.delete('(idle)');
  const busy = [...us.values()].reduce((sum, one) => sum + one, 0);
  return [...us]
    .map(([name, own]) => ({ name, ms: own / 1_000, share: own / busy }))
    .sort((one, other) => other.ms - one.ms);
}

type Frame = CpuProfile['nodes'][number]['callFrame'];

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${placeOf(url)}:${lineNumber + 1}`;
}

/** The path from the package on. */
function placeOf(url: string): string {
  const path = url.replace(/^file:\/\//, '');
  const parts = path.split('/');
  const start = Math.max(parts.lastIndexOf('node_modules'), parts.lastIndexOf('packages'));
  return parts.slice(start < 0 ? -2 : start + 1).join('/');
}
