/** What happened while a law was checked: calls in the order in which they were made, with their answers. */

/** One line of a story, told when it begins and filled in when it has ended. */
export interface StoryLine {
  /** Says how it ended. Only the first time counts. */
  ended(how: string): void;
}

interface Call {
  readonly kind: 'call';
  /** What was called, and which time: told apart so that repetitions can be told shortly. */
  readonly what: string;
  readonly nth: string;
  readonly number: number;
  readonly together: boolean;
  how: string | undefined;
}

interface Note {
  readonly kind: 'note';
  readonly text: string;
}

/** The story of one law. */
export class Story {
  private lines: (Call | Note)[] = [];
  private calls = 0;
  private running = 0;

  /** Forgets what was told: a law that starts over tells its last round only. */
  begin(): void {
    this.lines = [];
    this.calls = 0;
  }

  /** A call leaves: `confirm run A, branch 1`, `attempt 2`. */
  call(what: string, nth: string): StoryLine {
    this.calls += 1;
    this.running += 1;
    const number = this.calls;
    const line: Call = {
      kind: 'call',
      what,
      nth,
      number,
      together: this.running > 1,
      how: undefined,
    };
    this.lines.push(line);
    return {
      ended: (how) => {
        if (line.how !== undefined) return;
        line.how = how;
        this.running -= 1;
      },
    };
  }

  /** Something else that one has to know. */
  note(text: string): void {
    this.lines.push({ kind: 'note', text });
  }

  /** As lines to print. `‖` marks a call that left while another one was under way. */
  get told(): readonly string[] {
    return this.lines.flatMap((line, i) => {
      const repeats = isRepetition(line, this.lines[i - 1]);
      if (!repeats || !isRepetition(this.lines[i + 1], line)) return [toldLine(line)];
      return isRepetition(this.lines[i - 1], this.lines[i - 2]) ? [] : ['      … the same, until:'];
    });
  }
}

function toldLine(line: Call | Note): string {
  if (line.kind === 'note') return `      (${line.text})`;
  const { number, together, what, nth, how = 'no answer' } = line;
  return `${String(number).padStart(3)} ${together ? '‖' : ' '} ${what}, ${nth} → ${how}`;
}

/** Said of calls one after the other that were refused alike: what had an effect is told in full. */
function isRepetition(line: Call | Note | undefined, before: Call | Note | undefined): boolean {
  return (
    line?.kind === 'call' &&
    before?.kind === 'call' &&
    !line.together &&
    line.what === before.what &&
    line.how === before.how &&
    line.how?.startsWith('OK') === false
  );
}
