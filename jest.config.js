/** One configuration for every package: TypeScript sources run as they are, no build first. */
module.exports = {
  testEnvironment: 'node',
  testEnvironmentOptions: {
    customExportConditions: ['@tercet/source', 'node', 'require', 'default'],
  },
  roots: [
    '<rootDir>/packages',
    '<rootDir>/test',
    '<rootDir>/examples',
    '<rootDir>/scripts',
    '<rootDir>/bench',
  ],
  testMatch: ['**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/servers/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/servers/global-teardown.ts',
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  collectCoverageFrom: [
    'packages/core/src/**/*.ts',
    '!packages/core/src/**/*.test.ts',
    '!packages/core/src/testing/**',
  ],
  // Every core: most of the time of the slow tests is spent in processes that they wait for.
  maxWorkers: '100%',
  // Real processes and databases on a busy machine: how long a test takes is no assertion.
  testTimeout: 20_000,
  coverageReporters: ['text-summary', 'json-summary'],
  coverageThreshold: { 'packages/core/src/': { lines: 95, branches: 90 } },
};
