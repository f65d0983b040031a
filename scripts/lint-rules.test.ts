/** A rule that cannot fail is no rule: every family of the lint configuration is shown a text it must refuse. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';

const root = path.resolve(__dirname, '..');

interface Probe {
  readonly title: string;
  readonly file: string;
  readonly code: string;
  /** The rule that must report, or `clean` when none of the boundary rules may. */
  readonly expected: string;
}

interface Finding {
  readonly rule: string;
  readonly message: string;
}

const imports = '@typescript-eslint/no-restricted-imports';
const syntax = 'no-restricted-syntax';
const calls = 'no-restricted-properties';
const globals = 'no-restricted-globals';
const layer = 'import-x/no-restricted-paths';
const boundaries: readonly string[] = [imports, syntax, calls, globals, layer];

const engine = 'packages/coordinator/src/engine/imagined.ts';

/** `imported(x)` is a text that imports x and uses it, so that nothing but the import can be wrong. */
function imported(specifier: string, name = 'x'): string {
  return `import { ${name} } from '${specifier}';\nexport const y: unknown = ${name};\n`;
}

function importCases(
  file: string,
  refused: readonly string[],
  allowed: readonly string[],
): Probe[] {
  const make = (specifier: string, expected: string): Probe => ({
    title: `${file} ${expected === 'clean' ? 'may' : 'may not'} import ${specifier}`,
    file,
    code: imported(specifier),
    expected,
  });
  return [
    ...refused.map((specifier) => make(specifier, imports)),
    ...allowed.map((specifier) => make(specifier, 'clean')),
  ];
}

const packageCases: Probe[] = [
  ...importCases(
    'packages/core/src/imagined.ts',
    ['node:fs', 'fs', 'knex', '@tercet/proto', '@tercet/runtime', '@grpc/grpc-js'],
    ['./ids', '../src/ids'],
  ),
  ...importCases(
    'packages/core/src/imagined.test.ts',
    ['node:fs', '@tercet/sdk'],
    ['@jest/globals', 'fast-check', './testing', '@tercet/core/testing'],
  ),
  ...importCases(
    'packages/runtime/src/imagined.ts',
    ['@tercet/proto', '@grpc/grpc-js', 'node:timers', 'node:perf_hooks'],
    ['@tercet/core'],
  ),
  ...importCases('packages/runtime/src/grpc/imagined.ts', ['@tercet/sdk'], ['@grpc/grpc-js']),
  ...importCases(
    engine,
    ['@tercet/sdk', '@tercet/cli', '@tercet/proto', '@grpc/grpc-js', 'grpc-health-check', 'knex'],
    ['@tercet/core', '@tercet/runtime', 'node:fs'],
  ),
  ...importCases(
    engine,
    ['@tercet/core/src/ids', '@tercet/core/dist/ids', '@tercet/core/testing'],
    [],
  ),
  ...importCases(
    'packages/coordinator/src/engine/imagined.test.ts',
    ['@tercet/sdk', '@tercet/core/dist/ids', 'knex', 'node:timers/promises'],
    ['@tercet/core/testing', '@grpc/grpc-js', '@tercet/proto'],
  ),
  ...importCases(
    'packages/coordinator/src/transport/grpc/imagined.ts',
    ['knex'],
    ['@grpc/grpc-js', '@tercet/proto'],
  ),
  ...importCases('packages/coordinator/src/transport/http/imagined.ts', ['@grpc/grpc-js'], []),
  ...importCases('packages/coordinator/src/participant/imagined.ts', ['@grpc/grpc-js'], []),
  ...importCases(
    'packages/coordinator/src/participant/grpc-imagined.ts',
    ['@tercet/proto'],
    ['@grpc/grpc-js'],
  ),
  ...importCases(
    'packages/coordinator/src/participant/channel-pool.ts',
    ['knex', '@grpc/grpc-js'],
    [],
  ),
  ...importCases(
    'packages/coordinator/src/store/imagined.ts',
    ['@grpc/grpc-js', '@tercet/proto'],
    ['knex', '@photostructure/sqlite', 'node:sqlite'],
  ),
  ...importCases(
    'packages/sdk/src/imagined.ts',
    [
      '@tercet/coordinator',
      '@tercet/coordinator/testing',
      '@grpc/grpc-js',
      'node:sqlite',
      '@tercet/cli',
    ],
    ['@tercet/core', '@tercet/runtime'],
  ),
  ...importCases('packages/sdk/src/grpc/imagined.ts', ['knex'], ['@grpc/grpc-js', '@tercet/proto']),
  ...importCases('packages/sdk/src/participant/imagined.ts', ['@tercet/proto'], ['@grpc/grpc-js']),
  ...importCases('packages/sdk/src/imagined.test.ts', ['@tercet/coordinator'], ['@grpc/grpc-js']),
  ...importCases(
    'packages/cli/src/imagined.ts',
    ['@tercet/proto', '@grpc/grpc-js', '@tercet/runtime', '@tercet/sdk/testing'],
    ['@tercet/core'],
  ),
  ...importCases(
    'examples/checkout/src/imagined.ts',
    ['@tercet/core', '@tercet/coordinator', '@tercet/sdk/dist/run', '@tercet/sdk/testing'],
    ['@tercet/sdk', '@grpc/grpc-js', 'node:sqlite', 'node:timers/promises'],
  ),
  ...importCases(
    'test/imagined.test.ts',
    ['@tercet/sdk/src/run', 'node:timers'],
    ['@tercet/sdk/testing'],
  ),
  ...importCases(
    'bench/src/imagined.ts',
    ['@tercet/core/dist/ids'],
    ['@tercet/coordinator/testing'],
  ),
];

const dynamicCases: Probe[] = [
  ['@grpc/grpc-js', syntax],
  ['@tercet/core/src/ids', syntax],
  ['node:timers/promises', syntax],
  ['node:fs', 'clean'],
].map(([specifier, expected]) => ({
  title: `import('${specifier}') in the engine`,
  file: engine,
  code: `export const later: Promise<unknown> = import('${specifier}');\n`,
  expected: String(expected),
}));

const cryptoCases: Probe[] = [
  ['import { randomUUID as x } from', imports],
  ['import { randomBytes as x } from', imports],
  ['import * as x from', imports],
  ['import x from', imports],
  ['import { createHash as x } from', 'clean'],
].map(([head, expected]) => ({
  title: `${head} 'node:crypto'`,
  file: engine,
  code: `${head} 'node:crypto';\nexport const y: unknown = x;\n`,
  expected: String(expected),
}));

const bannedCalls: ReadonlyArray<readonly [code: string, rule: string]> = [
  ['Date.now()', calls],
  ['new Date()', syntax],
  ['Date()', syntax],
  ['new globalThis.Date()', syntax],
  ['globalThis.Date.now()', syntax],
  ['performance.now()', calls],
  ['process.hrtime.bigint()', calls],
  ['process.nextTick(() => 1)', calls],
  ['Math.random()', calls],
  ['crypto.randomUUID()', calls],
  ['crypto.getRandomValues(new Uint8Array(1))', calls],
  ['setTimeout(() => 1, 1)', globals],
  ['setInterval(() => 1, 1)', globals],
  ['setImmediate(() => 1)', globals],
  ['globalThis.setTimeout(() => 1, 1)', globals],
  ['global.setTimeout(() => 1, 1)', globals],
  ['queueMicrotask(() => 1)', globals],
  ['AbortSignal.timeout(1)', calls],
  ['[setTimeout]', globals],
  ['[Date.now]', calls],
  ['new Date(5)', 'clean'],
];

const engineCalls: Probe[] = bannedCalls.map(([code, expected]) => ({
  title: `${code} in the engine`,
  file: engine,
  code: `export const y: unknown = ${code};\n`,
  expected,
}));

const ports: Probe[] = [
  ['packages/coordinator/src/engine/imagined.ts', imports],
  ['packages/sdk/src/run/imagined.ts', imports],
  ['packages/coordinator/src/coordinator.ts', 'clean'],
  ['packages/sdk/src/create-tercet.ts', 'clean'],
  ['packages/sdk/src/operator-client.ts', 'clean'],
  ['packages/sdk/src/participant/add-tcc.ts', 'clean'],
  ['packages/sdk/src/run/imagined.test.ts', 'clean'],
].map(([file, expected]) => ({
  title: `systemClock by name in ${file}`,
  file: String(file),
  // Passed on, not used: the types of a real file that is replaced are not to be had.
  code: "export { systemClock } from '@tercet/runtime';\n",
  expected: String(expected),
}));

const laziness: Probe[] = [
  {
    title: 'the command may not load the coordinator at its start',
    file: 'packages/cli/src/imagined.ts',
    code: imported('@tercet/coordinator'),
    expected: imports,
  },
  {
    title: 'the command may name types of the coordinator',
    file: 'packages/cli/src/imagined.ts',
    code: "import type { Config } from '@tercet/coordinator';\nexport type Mine = Config;\n",
    expected: 'clean',
  },
];

const clockPlaces: Probe[] = [
  ['packages/core/src/imagined.ts', calls],
  ['packages/sdk/src/imagined.test.ts', calls],
  ['packages/cli/src/imagined.ts', calls],
  ['packages/runtime/src/imagined.ts', calls],
  ['packages/coordinator/test/imagined.test.ts', calls],
  ['test/imagined.test.ts', calls],
  ['packages/runtime/src/system-clock.ts', 'clean'],
  ['packages/coordinator/test/support/imagined.ts', 'clean'],
  ['test/support/imagined.ts', 'clean'],
  ['examples/checkout/src/imagined.ts', 'clean'],
  ['bench/src/imagined.ts', 'clean'],
  ['scripts/imagined.ts', 'clean'],
].map(([file, expected]) => ({
  title: `Date.now() in ${file}`,
  file: String(file),
  code: 'export const y: number = Date.now();\n',
  expected: String(expected),
}));

/** Layers, and what each may import: written down a second time, on purpose. */
const layers: Readonly<Record<string, readonly string[]>> = {
  transport: ['service', 'engine', 'store', 'participant'],
  service: ['engine', 'store', 'participant'],
  engine: ['store', 'participant'],
  store: [],
  participant: [],
};

const noFile = 'no-file';

const layerCases: Probe[] = Object.entries(layers).flatMap(([from, allowed]) =>
  Object.keys(layers)
    .filter((to) => to !== from)
    .map((to) => ({
      title: `${from} ${allowed.includes(to) ? 'may' : 'may not'} import ${to}`,
      file: `packages/coordinator/src/${from}/imagined.ts`,
      code: imported(`../${to}/${someFileOf(`packages/coordinator/src/${to}`)}`),
      expected: allowed.includes(to) ? 'clean' : layer,
    })),
);

/** The rule looks for the file behind a specifier, so each pair of layers needs a target that exists. */
function someFileOf(folder: string): string {
  if (!existsSync(path.join(root, folder))) return noFile;
  const files = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  const found = files.find((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  return found?.replace(/\.ts$/, '') ?? noFile;
}

const rootCases: Probe[] = [
  {
    title: 'no layer may import the composition root',
    file: engine,
    code: imported('../coordinator'),
    expected: layer,
  },
  {
    title: 'a layer takes values of config through its Deps',
    file: engine,
    code: imported('../config/config'),
    expected: imports,
  },
  {
    title: 'a layer may import types of config',
    file: engine,
    code: "import type { Config } from '../config/config';\nexport type Limits = Config;\n",
    expected: 'clean',
  },
  {
    title: 'the composition root sees all layers',
    file: 'packages/coordinator/src/coordinator.ts',
    code: imported(`./engine/${someFileOf('packages/coordinator/src/engine')}`),
    expected: 'clean',
  },
];

// A file that exists stands for the ones that need types; its own text on disk does not matter here.
const typed = 'scripts/tidy/sizes.ts';

const generalCases: Probe[] = [
  {
    title: 'a floating promise',
    file: typed,
    code: 'async function f(): Promise<void> {}\nf();\n',
    expected: '@typescript-eslint/no-floating-promises',
  },
  {
    title: 'a promise where a condition is wanted',
    file: typed,
    code: 'async function f(): Promise<void> {}\nif (f()) f().catch(() => 1);\n',
    expected: '@typescript-eslint/no-misused-promises',
  },
  {
    title: 'a switch that forgets a member of a union',
    file: typed,
    code: "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n    default:\n      return 2;\n  }\n}\n",
    expected: '@typescript-eslint/switch-exhaustiveness-check',
  },
  {
    title: 'a cycle',
    file: typed,
    code: imported('../tidy', 'main'),
    expected: 'import-x/no-cycle',
  },
  {
    title: 'a package that package.json does not name',
    file: 'packages/sdk/src/imagined.ts',
    code: imported('pino'),
    expected: 'import-x/no-extraneous-dependencies',
  },
  {
    title: 'a relative path into another package',
    file: 'packages/sdk/src/imagined.ts',
    code: imported('../../core/src/ids'),
    expected: 'import-x/no-relative-packages',
  },
  {
    title: 'a type imported as a value',
    file: engine,
    code: "import { Clock } from '@tercet/core';\nexport type Y = Clock;\n",
    expected: '@typescript-eslint/consistent-type-imports',
  },
  {
    title: 'an export without types',
    file: engine,
    code: 'export function f(x) {\n  return x as number;\n}\n',
    expected: '@typescript-eslint/explicit-module-boundary-types',
  },
  {
    title: 'a log to the console',
    file: engine,
    code: "console.log('x');\n",
    expected: 'no-console',
  },
  {
    title: 'a loose comparison',
    file: engine,
    code: 'export const y = 1 == 2;\n',
    expected: 'eqeqeq',
  },
  { title: 'a long file', file: engine, code: '// x\n'.repeat(501), expected: 'max-lines' },
  {
    title: 'a long function',
    file: engine,
    code: `export function f(): void {\n${'  f();\n'.repeat(71)}}\n`,
    expected: 'max-lines-per-function',
  },
  {
    title: 'a fourth parameter',
    file: engine,
    code: 'export function f(a: 1, b: 1, c: 1, d: 1): number {\n  return a + b + c + d;\n}\n',
    expected: 'max-params',
  },
  {
    title: 'a fourth level of nesting',
    file: engine,
    code: `export function f(a: boolean): void {\n${'if (a) {'.repeat(4)} f(a); ${'}'.repeat(4)}\n}\n`,
    expected: 'max-depth',
  },
  {
    title: 'a function with too many ways through',
    file: engine,
    code: `export function f(a: number): void {\n${'  if (a > 1) f(a);\n'.repeat(15)}}\n`,
    expected: 'complexity',
  },
];

const families: Readonly<Record<string, readonly Probe[]>> = {
  packages: packageCases,
  'imports at run time': dynamicCases,
  'node:crypto': cryptoCases,
  'banned calls': engineCalls,
  'places of the clock': clockPlaces,
  'places of the ports': ports,
  'what the command loads at its start': laziness,
  layers: layerCases,
  'the composition root': rootCases,
  'the rest': generalCases,
};

const findings = new Map<Probe, readonly Finding[]>();

beforeAll(() => {
  const probes = Object.values(families).flat();
  const child = spawnSync(process.execPath, ['scripts/lint/probe.mjs'], {
    cwd: root,
    encoding: 'utf8',
    input: JSON.stringify(probes),
    // With CI set, typescript-eslint takes every file from disk once; here their texts are replaced.
    env: { ...process.env, TSESTREE_SINGLE_RUN: 'false' },
  });
  if (child.status !== 0) throw new Error(child.stderr);
  const answers = JSON.parse(child.stdout) as Finding[][];
  probes.forEach((probe, index) => findings.set(probe, answers[index] ?? []));
}, 60_000);

test.each(Object.keys(layers))(
  'the layer %s has a file, or its rules were shown nothing',
  (name) => {
    expect(someFileOf(`packages/coordinator/src/${name}`)).not.toBe(noFile);
  },
);

describe.each(Object.entries(families))('%s', (_family, probes) => {
  test.each(probes.map((probe) => [probe.title, probe] as const))('%s', (_title, probe) => {
    const rules = (findings.get(probe) ?? []).map((finding) => finding.rule);
    if (probe.expected === 'clean') {
      expect(rules.filter((rule) => boundaries.includes(rule) || rule === 'fatal')).toEqual([]);
    } else {
      expect(rules).toContain(probe.expected);
    }
  });
});
