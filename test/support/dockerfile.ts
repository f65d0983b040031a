/** A Dockerfile as data: as much of the language as ours uses, and an error for the rest. */

/** One instruction. `flags` are its `--name=value` words; `words` are the rest, JSON forms taken apart. */
export interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly words: readonly string[];
  /** Everything after the name and the flags, as written. */
  readonly text: string;
}

/** A stage: what it is made of, and what is done in it. */
export interface Stage {
  readonly name: string;
  /** An image, or the name of a stage above. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

const known = new Set(
  'CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK RUN USER VOLUME WORKDIR'.split(' '),
);

/** The stages in order. Throws at what it does not understand. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line);
    if (instruction.name === 'FROM') {
      const [base = '', as = '', name = ''] = instruction.words;
      if (as !== 'AS' || name === '') throw new Error(`a stage without a name: ${line}`);
      stages.push({ name, base, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage === undefined) throw new Error(`before the first FROM: ${line}`);
    stage.instructions.push(instruction);
  }
  return stages;
}

/** The instructions of one kind. */
export function instructionsOf(stage: Stage, name: string): Instruction[] {
  return stage.instructions.filter((instruction) => instruction.name === name);
}

/** The variables that a stage sets. */
export function variablesOf(stage: Stage): Record<string, string> {
  const pairs = instructionsOf(stage, 'ENV').flatMap(({ words }) => words);
  return Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
}

/** Lines without comments, continued ones joined. */
function logicalLines(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim());
}

function parseInstruction(line: string): Instruction {
  const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/s.exec(line) ?? [];
  if (!known.has(name)) throw new Error(`not understood: ${line}`);
  const flags: Record<string, string> = {};
  let text = rest;
  for (;;) {
    const [whole, flag = '', value = ''] = /^--([a-z-]+)=(\S+)\s+/.exec(text) ?? [];
    if (whole === undefined) break;
    flags[flag] = value;
    text = text.slice(whole.length);
  }
  const words = text.startsWith('[') ? (JSON.parse(text) as string[]) : text.split(/\s+/);
  return { name, flags, words, text };
}
