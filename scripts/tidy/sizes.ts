import { type Problem, type SourceFile, isTest } from './problem';

const WARN_LINES = 300;
const FAIL_LINES = 500;
const FAIL_LINES_TEST = 700;

/** Files too long to be about one thing. */
export function checkSizes(files: readonly SourceFile[]): Problem[] {
  return files.filter(isCode).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    const most = isTest(path) ? FAIL_LINES_TEST : FAIL_LINES;
    if (lines > most) {
      const text = `${lines} lines, ${most} are the most; move one subject to a file of its own`;
      return [{ file: path, line: most + 1, text }];
    }
    if (lines > WARN_LINES && !isTest(path)) {
      const text = `${lines} lines, ${WARN_LINES} are the aim; is there a second subject in it?`;
      return [{ file: path, line: WARN_LINES + 1, text, warning: true }];
    }
    return [];
  });
}

function isCode({ path }: SourceFile): boolean {
  return /\.(ts|js|mjs)$/.test(path);
}
