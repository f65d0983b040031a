/** A finding of tidy: where, what, and how to mend it. Line 1 when the whole file is meant. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** A warning is shown but fails nothing. */
  readonly warning?: boolean;
}

/** A file of the repository: path from the root with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** `file:line: what and how to mend`. */
export function showProblem({ file, line, text, warning }: Problem): string {
  return `${file}:${line}: ${warning === true ? 'warning: ' : ''}${text}`;
}

/** Whether a path is a test or lives among tests: shipped to nobody. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)test\//.test(path);
}

/** The 1-based line of a position in a text. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}
