/** Rules that a tool checks. Layers and banned calls live in scripts/lint; formatting is biome's. */
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { boundaryConfigs } from './scripts/lint/boundaries.mjs';

const tests = [
  '**/*.test.ts',
  'packages/*/test/**/*.ts',
  'examples/*/test/**/*.ts',
  'test/**/*.ts',
];
const tools = ['examples/**', 'bench/**', 'scripts/**'];

/** Sizes of style.md: a file that needs more than this has two subjects. */
const sizes = {
  'max-lines': ['error', { max: 500 }],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
  complexity: ['error', 15],
  'max-params': ['error', 3],
  'max-depth': ['error', 3],
};

const typeAware = {
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': 'error',
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
  '@typescript-eslint/explicit-module-boundary-types': 'error',
  // An in-memory twin answers at once behind an asynchronous port: `async` without `await` is its shape.
  '@typescript-eslint/require-await': 'off',
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
  ],
};

const imports = {
  'import-x/no-cycle': 'error',
  'import-x/no-relative-packages': 'error',
  'import-x/no-extraneous-dependencies': ['error', { devDependencies: false, includeTypes: true }],
};

export default defineConfig(
  globalIgnores(['**/dist/**', '**/gen/**', 'coverage/**']),
  {
    // no-restricted-globals only looks through global objects that it has heard of.
    languageOptions: { globals: { global: 'readonly' } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({
          project: './tsconfig.check.json',
          conditionNames: ['@tercet/source', 'types', 'import', 'node', 'require', 'default'],
        }),
      ],
      // Without a parser for .ts, no-cycle reads nothing and finds nothing.
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/extensions': ['.ts', '.js', '.mjs'],
    },
    rules: { eqeqeq: 'error', 'no-console': 'error', ...sizes },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: { ...typeAware, ...imports },
  },
  ...boundaryConfigs(),
  { files: tools, rules: { 'no-console': 'off' } },
  { files: ['packages/cli/src/{output.ts,printers/**}'], rules: { 'no-console': 'off' } },
  {
    files: tests,
    rules: {
      'max-lines': ['error', { max: 700 }],
      'max-lines-per-function': 'off',
      // A row of `test.each` arrives as parameters.
      'max-params': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      // A check of some events says `default` for the rest on purpose.
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      // Doubles of ports are object literals whose methods are compared and passed around.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // The test runner and its kin are the workspace's devDependencies, not the package's.
    files: [...tests, 'scripts/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'import-x/no-extraneous-dependencies': [
        'error',
        { devDependencies: true, includeTypes: true, packageDir: [import.meta.dirname] },
      ],
    },
  },
  {
    // Real servers are shared by the tests of all packages; the workspace's own folder has no name to import it by.
    files: [...tests, 'bench/**/*.ts'],
    rules: { 'import-x/no-relative-packages': ['error', { ignore: ['^(\\.\\./)+test/support/'] }] },
  },
  {
    // What crosses packages may use every package of the workspace; npm links them all at the root. Tests of examples use
    // @tercet/testing.
    files: ['test/**/*.ts', 'scripts/**/*.ts', 'examples/*/test/**/*.ts'],
    rules: { 'import-x/no-extraneous-dependencies': 'off' },
  },
);
