/** Each check of tidy is shown one file that it must refuse, and one beside it that it must let pass. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { findProblems, main } from './tidy';

let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'tidy-'));
  write('package-lock.json', '{}\n');
  const known = 'core,proto,runtime,coordinator,sdk,cli'.split(',').map((name) => `  ${name}: {`);
  write(
    'scripts/lint/boundaries.mjs',
    `\nconst packages = {\n${known.join('\n')}\n};\n\nconst layers = {\n  engine: [],\n  store: [],\n};\n`,
  );
});

afterEach(() => {
  rmSync(root, { recursive: true });
  jest.restoreAllMocks();
});

function write(file: string, text: string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

/** Findings as `file:line`, with the text when it is asked for. */
function found(): string[] {
  return findProblems(root).map(({ file, line }) => `${file}:${line}`);
}

function texts(): string[] {
  return findProblems(root).map(({ text }) => text);
}

const lines = (count: number): string => '// x\n'.repeat(count);

/** Split, so that this file may be checked by what it tests. */
const joined = (...parts: string[]): string => parts.join('');

describe('sizes', () => {
  test('a file of 500 lines is warned about, one of 501 fails', () => {
    write('packages/core/src/index.ts', lines(500));
    write('packages/sdk/src/index.ts', lines(501));
    write('packages/cli/src/index.ts', lines(300));
    const problems = findProblems(root);
    expect(problems.map(({ file, warning }) => [file, warning ?? false])).toEqual([
      ['packages/core/src/index.ts', true],
      ['packages/sdk/src/index.ts', false],
    ]);
  });

  test('a test may have 700 lines', () => {
    write('packages/core/src/a.test.ts', lines(700));
    write('packages/core/src/b.test.ts', lines(701));
    expect(found()).toEqual(['packages/core/src/b.test.ts:701']);
  });
});

describe('words', () => {
  test.each([
    joined('// TO', 'DO later'),
    joined('// FIX', 'ME'),
    joined('// XX', 'X'),
    joined('// HA', 'CK'),
    joined('https://registry.', 'example.org/left-pad'),
    joined('see /ho', 'me/me/notes'),
    joined('cp "/wo', 'rk/main/x" y'),
    joined('// eslint-', 'disable-next-line max-lines'),
  ])('%s is refused', (line) => {
    write('docs/a.md', `fine\n${line}\n`);
    expect(found()).toEqual(['docs/a.md:2']);
  });

  test.each([
    'a registry of types',
    'src/home/page',
    joined('// eslint-', 'disable-next-line max-lines -- the table is one thing'),
    'mktemp tercet.XXXXXX',
  ])('%s is let pass', (line) => {
    write('docs/a.md', `${line}\n`);
    expect(found()).toEqual([]);
  });

  test('generated code and installed packages are not read', () => {
    write('packages/proto/src/gen/a.ts', joined('// TO', 'DO'));
    write('node_modules/a/index.js', joined('// TO', 'DO'));
    expect(found()).toEqual([]);
  });

  test('a lockfile that names its registry is refused', () => {
    write('package-lock.json', '{\n  "resolved": "https://example.org/a.tgz"\n}\n');
    expect(found()).toEqual(['package-lock.json:2']);
  });
});

describe('doc blocks', () => {
  test.each([
    'export const a = 1;',
    'export function a(): void {}',
    'export class A {}',
    'export interface A {}',
    'export type A = 1;',
    'export enum A {}',
    'export default 1;',
    '// not a block\nexport const a = 1;',
    '/** */\nexport const a = 1;',
    'const a = 1;\nexport { a };',
    'const a = 1;\nexport { a as b };',
  ])('%s is refused', (code) => {
    write('packages/core/src/index.ts', `${code}\n`);
    expect(texts()).toEqual([expect.stringMatching(/has no doc block/)]);
  });

  test.each([
    '/** One. */\nexport const a = 1;',
    '/** One. */\nconst a = 1;\nexport { a };',
    "export { a } from './gen/a';",
    'const a = 1;\nvoid a;',
    '/** Two ways. */\nexport function a(x: 1): void;\nexport function a(x: 2): void;\nexport function a(): void {}',
  ])('%s is let pass', (code) => {
    write('packages/core/src/index.ts', `${code}\n`);
    expect(found()).toEqual([]);
  });

  test('every member of options has one', () => {
    write(
      'packages/core/src/index.ts',
      '/** Settings. */\nexport interface AOptions {\n  /** Unit: ms. */\n  a: number;\n  b: number;\n}\n',
    );
    expect(findProblems(root)).toEqual([
      expect.objectContaining({ line: 5, text: expect.stringMatching(/^option b /) }),
    ]);
  });

  test('tests and examples are exempt', () => {
    write('packages/core/src/a.test.ts', 'export const a = 1;\n');
    write('examples/checkout/src/main.ts', 'export const a = 1;\n');
    expect(found()).toEqual([]);
  });
});

describe('orphans', () => {
  beforeEach(() => {
    write('packages/core/src/a.ts', 'const a = 1;\nvoid a;\n');
  });

  test.each([
    ['nobody', 'packages/core/src/index.ts', ''],
    ['only its test', 'packages/core/src/a.test.ts', "import './a';\n"],
    ['only a comment', 'packages/core/src/index.ts', '// see a.ts\n'],
    ['only itself', 'packages/core/src/a.ts', "const a = './a.js';\nvoid a;\n"],
    ['a namesake elsewhere', 'packages/sdk/src/index.ts', "import './a';\n"],
  ])('a file that %s names is refused', (_who, file, text) => {
    write(file, text);
    expect(found()).toEqual(['packages/core/src/a.ts:1']);
  });

  test.each([
    ['an import', 'packages/core/src/index.ts', "import './a';\n"],
    ['an import at run time', 'packages/core/src/index.ts', "void import('./a');\n"],
    ['the path of a thread', 'packages/core/src/index.ts', "void './a.js';\n"],
    ['a committed program', 'packages/core/bin/a.js', "require('../dist/a.js');\n"],
    ['a command', 'Makefile', 'a:\n\tnode packages/core/dist/a.js\n'],
    ['a script', 'package.json', '{ "scripts": { "a": "tsx packages/core/src/a.ts" } }\n'],
  ])('a file that %s names is let pass', (_who, file, text) => {
    write(file, text);
    expect(found()).toEqual([]);
  });
});

describe('names', () => {
  test.each([
    'src/utils.ts',
    'src/util/a.md',
    'common/a.md',
    'src/helpers.ts',
    'src/string-utils.ts',
  ])('%s is refused', (file) => {
    write(file, '');
    expect(texts()).toEqual([expect.stringMatching(/says nothing/)]);
  });

  test.each(['src/utilisation.ts', 'docs/commons.md'])('%s is let pass', (file) => {
    write(file, '');
    expect(found()).toEqual([]);
  });
});

describe('links', () => {
  beforeEach(() => {
    write('docs/b.md', '# One thing, twice\n\n```\n# no heading\n```\n\n## One thing, twice\n');
  });

  test.each([
    '[a](missing.md)',
    '[a](docs/b.md#nowhere)',
    '[a](docs/b.md#no-heading)',
    '![a](docs/a.png)',
    '[a]: docs/missing.md',
    '[a](#nowhere)',
    '[a](docs/missing.md "title")',
  ])('%s is refused', (line) => {
    write('README.md', `# Here\n\n${line}\n`);
    expect(found()).toEqual(['README.md:3']);
  });

  test.each([
    '[a](docs/b.md)',
    '[a](docs/)',
    '[a](docs/b.md#one-thing-twice)',
    '[a](docs/b.md#one-thing-twice-1)',
    '[a](#here)',
    '[a](https://example.org/missing.md)',
    '[a](mailto:a@example.org)',
    '`[a](missing.md)`',
    '```\n[a](missing.md)\n```',
  ])('%s is let pass', (line) => {
    write('README.md', `# Here\n\n${line}\n`);
    expect(found()).toEqual([]);
  });
});

describe('the command', () => {
  test('prints where and what, and exits 1', () => {
    const print = jest.spyOn(console, 'error').mockReturnValue(undefined);
    write('README.md', '[a](missing.md)\n');
    expect(main(root)).toBe(1);
    expect(print.mock.calls).toEqual([
      ['README.md:1: link to missing.md: there is no missing.md'],
      ['tidy: 1 to mend'],
    ]);
  });

  test('exits 0 when there is nothing but warnings', () => {
    jest.spyOn(console, 'error').mockReturnValue(undefined);
    write('packages/core/src/index.ts', lines(301));
    expect(main(root)).toBe(0);
  });
});

describe('places', () => {
  test('a package, a layer of the coordinator, or a language that no import rule sees is refused', () => {
    write('packages/coordinator/src/engine/index.ts', '// x\n');
    write('packages/coordinator/src/testing/index.ts', '// x\n');
    write('packages/coordinator/src/index.ts', '// x\n');
    write('packages/cli/bin/tercet.js', '// x\n');
    expect(texts()).toEqual([]);
    write('packages/coordinator/src/newlayer/index.ts', '// x\n');
    write('packages/newpackage/src/index.ts', '// x\n');
    write('packages/core/src/index.js', '// x\n');
    expect(texts()).toEqual([
      expect.stringContaining('layer newlayer has no import rules'),
      expect.stringContaining('JavaScript in src'),
      expect.stringContaining('package newpackage has no import rules'),
    ]);
  });
});

describe('the page of rules', () => {
  const file = 'packages/core/src/a.test.ts';

  beforeEach(() => {
    const code = [
      "describe('a box', () => {",
      "  it('opens', () => {});",
      "  it.each([['an old key', 1]])('refuses %s', () => {});",
      "  it.each(keys)('knows $key | lock', () => {});",
      "  it.skip('closes', () => {});",
      '});',
      "const keys = [{ key: 'gold' }];",
      'it(`is ${size} wide`, () => {});',
      "describe.skip('a lid', () => it('fits', () => {}));",
      "check('opens wide', () => {});",
    ];
    write(file, `${code.join('\n')}\n`);
    write('packages/core/src/index.ts', "/** One. */\nexport const a = 'opens';\n");
  });

  test.each([
    [`${file} › opens`],
    [`${file} › a box › opens`],
    [`${file} › refuses %s`],
    [`${file} › a box › refuses %s › an old key`],
    [`${file} › knows $key \\| lock`],
    [`${file} › knows $key \\| lock › gold`],
    [`${file} › is \${size} wide`],
  ])('%s is let pass', (reference) => {
    write('docs/rules.md', `| 1.1 | A rule. | \`${reference}\` |\n`);
    expect(texts()).toEqual([]);
  });

  test.each([
    ['packages/core/src/b.test.ts › opens', /^there is no packages\/core\/src\/b\.test\.ts/],
    ['packages/core/src/index.ts › opens', /^packages\/core\/src\/index\.ts is no test/],
    [`${file} › open`, /has no test named "open"$/],
    [`${file} › a lid › opens`, /has no test named "a lid › opens"$/],
    [`${file} › a box`, /has no test named "a box"$/],
    [`${file} › opens wide`, /has no test named "opens wide"$/],
    [`${file} › refuses %s › a new key`, /has no test named "refuses %s › a new key"$/],
    [`${file} › opens › an old key`, /has no test named "opens › an old key"$/],
    [`${file} › closes`, /^"closes" is skipped$/],
    [`${file} › a lid › fits`, /^"a lid › fits" is skipped$/],
  ])('%s is refused', (reference, what) => {
    write('docs/rules.md', `# Rules\n| 1.1 | A rule. | \`${reference}\` |\n`);
    expect(found()).toEqual(['docs/rules.md:2']);
    expect(texts()).toEqual([expect.stringMatching(what)]);
  });

  test('a number that stands twice, and a rule without a test, are refused', () => {
    const rows = [
      `| 1.1 | One. | \`${file} › opens\` |`,
      `| 1.1 | Another. | \`${file} › opens\` |`,
      '| 1.2 | Nobody holds it. | by hand |',
      '## Not held yet',
      '| 1.3 | It is known. | nobody has built it |',
    ];
    write('docs/rules.md', `${rows.join('\n')}\n`);
    expect(texts()).toEqual([
      expect.stringMatching(/^rule 1\.1 stands twice/),
      expect.stringMatching(/^rule 1\.2 names no test/),
    ]);
  });
});
