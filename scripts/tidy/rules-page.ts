import { type Problem, type SourceFile, isTest } from './problem';
import { type NamedTest, testsOf } from './test-names';

/** The page that lists the rules, each with the tests that hold it. */
const page = 'docs/rules.md';

/** Its last section of rules: what no test holds. */
const gaps = /^## (\d+\. )?Not held yet/;

/**
 * What docs/rules.md says that is not so: a test that is not there or is skipped, a number that stands twice, a rule
 * without a test outside of its section of gaps. A test is named `path › title`, with as many names of the `describe`
 * around it as it takes, and for a table of cases with the text that names the case.
 */
export function checkRules(files: readonly SourceFile[]): Problem[] {
  const document = files.find(({ path }) => path === page);
  if (document === undefined) return [];
  const byPath = new Map(files.map((file) => [file.path, file]));
  const known = new Map<string, readonly NamedTest[]>();
  const seen = new Set<string>();
  let open = false;
  return document.text.split('\n').flatMap((text, index) => {
    open ||= gaps.test(text);
    const report = (what: string): Problem => ({ file: page, line: index + 1, text: what });
    const references = referencesIn(text);
    return [
      ...numberProblems(text, { seen, open, held: references.length > 0 }).map(report),
      ...references.flatMap((reference) => referenceProblems(reference, byPath, known)).map(report),
    ];
  });
}

interface Reference {
  readonly path: string;
  readonly names: readonly string[];
}

/** Code spans with the arrow in them. */
function referencesIn(line: string): Reference[] {
  return [...line.matchAll(/`([^`]+)`/g)]
    .map(([, span = '']) => span.replaceAll('\\|', '|').split(' › '))
    .filter(({ length }) => length > 1)
    .map(([path = '', ...names]) => ({ path, names }));
}

function numberProblems(
  line: string,
  { seen, open, held }: { seen: Set<string>; open: boolean; held: boolean },
): string[] {
  const number = /^\| (\d+\.\d+) \|/.exec(line)?.[1];
  if (number === undefined) return [];
  const twice = seen.has(number) ? [`rule ${number} stands twice; give one a free number`] : [];
  seen.add(number);
  if (held || open) return twice;
  return [
    ...twice,
    `rule ${number} names no test as \`path › title\`; or it is a gap, not held yet`,
  ];
}

function referenceProblems(
  { path, names }: Reference,
  files: ReadonlyMap<string, SourceFile>,
  known: Map<string, readonly NamedTest[]>,
): string[] {
  const file = files.get(path);
  if (file === undefined) return [`there is no ${path}; name the file where the test is now`];
  if (!isTest(path)) return [`${path} is no test; name the one that would fail`];
  const tests = known.get(path) ?? testsOf(file);
  known.set(path, tests);
  const meant = tests.filter((test) => isNamed(test, names));
  if (meant.length === 0) return [`${path} has no test named "${names.join(' › ')}"`];
  if (meant.every(({ skipped }) => skipped)) return [`"${names.join(' › ')}" is skipped`];
  return [];
}

/** Whether the names are the last ones of the test, perhaps with one of its cases behind them. */
function isNamed({ names: own, cases }: NamedTest, names: readonly string[]): boolean {
  const endsWith = (wanted: readonly string[]): boolean =>
    wanted.length > 0 && wanted.join('\n') === own.slice(-wanted.length).join('\n');
  return endsWith(names) || (endsWith(names.slice(0, -1)) && cases.has(names.at(-1) ?? ''));
}
