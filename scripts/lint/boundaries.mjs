/**
 * Who may import whom. ESLint replaces a rule's options when two configurations match a file, it never merges them;
 * so each place in the repository gets its whole list here: the package's restrictions minus what the place lifts.
 */
import { bannedCallRules, bannedModules, bannedSyntax, liftedCallRules } from './banned-calls.mjs';

/** Restrictions by name. `lifts` of a place names the ones that do not hold there. */
const restrictions = {
  deep: {
    regex: '^@tercet/[^/]+/(src|dist)(/|$)',
    message: 'Import the package by its name; what it exports is what it promises.',
  },
  testing: {
    regex: '^@tercet/[^/]+/testing$',
    message: 'Test doubles belong in tests and src/testing.',
  },
  grpc: {
    regex: '^(@grpc/.*|grpc-health-check)$',
    message:
      'gRPC stays in coordinator/src/transport/grpc, coordinator/src/participant/grpc-*.ts, ' +
      'sdk/src/{grpc,participant} and runtime/src/grpc.',
  },
  ports: {
    regex: '^@tercet/runtime$',
    names: '^system(Clock|Random|Scheduler)$',
    message:
      'Only the places that put things together name the machine’s clock, timers and randomness; ' +
      'everything else takes them as ports.',
  },
  sql: {
    regex: '^(knex|@photostructure/sqlite|node:sqlite|better-sqlite3|mysql2|pg|ioredis)(/|$)',
    message: 'SQL stays in coordinator/src/store and sdk/src/barrier.',
  },
  generated: {
    regex: '^@tercet/proto(/|$)',
    message:
      'Generated types stop where the wire is mapped to core types: coordinator/src/transport, ' +
      'sdk/src/{grpc,participant/deliver} and runtime/src/grpc.',
  },
};

/** The coordinator's layers know the shape of settings and loggers; the composition root alone builds them. */
const settings = {
  regex: '^(\\.\\./)+(config|observability)(/|$)',
  message: 'Import types only (`import type`); values come through Deps.',
  allowTypeImports: true,
};

const allPackages = ['core', 'proto', 'runtime', 'coordinator', 'sdk', 'cli', 'testing'];

/** What each package may import of the others, and where its restrictions are lifted. Later places win. */
const packages = {
  core: { may: [], selfContained: true },
  proto: { may: [], places: [{ in: 'src/**', lifts: ['grpc', 'generated'] }] },
  runtime: {
    may: ['core', 'proto'],
    places: [
      { in: 'src/grpc/**', lifts: ['grpc', 'generated'] },
      { in: 'src/system-{clock,random,scheduler}.ts', lifts: ['calls'] },
    ],
  },
  coordinator: {
    may: ['core', 'proto', 'runtime'],
    places: [
      { in: 'src/transport/**', lifts: ['generated'] },
      { in: 'src/transport/grpc/**', lifts: ['grpc', 'generated'] },
      { in: 'src/participant/grpc-*.ts', lifts: ['grpc'] },
      { in: 'src/store/**', lifts: ['sql'] },
      { in: 'src/{coordinator,store-settings}.ts', lifts: ['ports'] },
    ],
    // Tests of the store, and of the whole coordinator, look into the database.
    sqlTests: ['src/store/**/*.test.ts', 'test/**/*.ts'],
  },
  sdk: {
    may: ['core', 'proto', 'runtime'],
    places: [
      { in: 'src/grpc/**', lifts: ['grpc', 'generated'] },
      { in: 'src/participant/**', lifts: ['grpc'] },
      { in: 'src/participant/deliver/**', lifts: ['grpc', 'generated'] },
      { in: 'src/participant/add-tcc.ts', lifts: ['grpc', 'ports'] },
      { in: 'src/create-tercet.ts', lifts: ['ports'] },
      { in: 'src/operator-client.ts', lifts: ['ports'] },
      { in: 'src/barrier/*.ts', lifts: ['sql', 'ports'] },
    ],
    sqlTests: ['src/barrier/**/*.test.ts', 'test/barrier/**/*.ts'],
  },
  cli: {
    may: ['core', 'sdk', 'coordinator'],
    lazy: true,
    // `tercet barrier` works on databases: its tests look into them.
    sqlTests: ['test/**/*.ts'],
  },
  testing: {
    may: ['core', 'proto', 'runtime', 'coordinator', 'sdk'],
    // It is made of test doubles, and stands on both ends of every call.
    places: [{ in: 'src/**', lifts: ['testing', 'grpc', 'generated', 'ports'] }],
  },
};

/** `tercet --help` starts in the time that node takes: what is heavy is loaded by the command that needs it. */
const heavy = {
  regex: '^@tercet/(coordinator|sdk)(/|$)',
  message: 'Import types only (`import type`); load it where a command runs.',
  allowTypeImports: true,
  onlyStatic: true,
};

/** Lifted in every test: test doubles, raw gRPC clients and servers, generated messages. */
const liftedInTests = ['testing', 'grpc', 'generated', 'ports'];

/** Flat configurations for every package and for the folders beside them. */
export function boundaryConfigs() {
  return [
    ...Object.entries(packages).flatMap(([name, rules]) => packageConfigs(name, rules)),
    place({
      files: ['examples/*/src/**/*.ts'],
      modules: [restrictions.deep, restrictions.testing, exampleImports],
      callsLifted: true,
    }),
    place({
      files: ['examples/*/src/**/*.test.ts', 'examples/*/test/**/*.ts'],
      modules: [restrictions.deep],
      callsLifted: true,
    }),
    place({ files: ['test/**/*.ts'], modules: [restrictions.deep], callsLifted: false }),
    place({
      files: ['test/support/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
      modules: [restrictions.deep],
      callsLifted: true,
    }),
    coordinatorLayers(),
    coordinatorLayers('test'),
  ];
}

function packageConfigs(name, rules) {
  const root = `packages/${name}`;
  const config = (files, lifts) => {
    const held = Object.keys(restrictions).filter((key) => !lifts.includes(key));
    const modules = [...held.map((key) => restrictions[key]), ownImports(name, rules)];
    if (name === 'coordinator' && !lifts.includes('testing')) modules.push(settings);
    if (rules.lazy && !lifts.includes('testing')) modules.push(heavy);
    return place({
      files: files.map((file) => `${root}/${file}`),
      modules,
      callsLifted: lifts.includes('calls'),
    });
  };
  const { places = [], sqlTests = [] } = rules;
  return [
    config(['src/**/*.ts'], []),
    ...places.map((spot) => config([spot.in], spot.lifts)),
    config(['src/testing/**/*.ts', 'src/**/*.test.ts', 'test/**/*.ts'], liftedInTests),
    ...sqlTests.map((files) => config([files], [...liftedInTests, 'sql'])),
    config(['test/support/**/*.ts'], [...liftedInTests, 'sql', 'calls']),
  ];
}

function ownImports(name, rules) {
  if (rules.selfContained) return coreImports;
  const others = allPackages.filter((other) => other !== name && !rules.may.includes(other));
  return {
    regex: `^@tercet/(${others.join('|')})(/|$)`,
    message: `@tercet/${name} may import ${rules.may.join(', ') || 'no other package'}.`,
  };
}

/** Core knows nobody. Its tests may use the test runner, the property tester and core's own doubles. */
const coreImports = {
  regex: '^(?!\\.{1,2}(/|$)|@jest/globals$|fast-check$|@tercet/core(/testing)?$)',
  message: 'core imports nobody: no node:*, no packages. Take what you need as an argument.',
};

const exampleImports = {
  regex: '^@tercet/(?!sdk(/|$))',
  message: 'An example shows what users install: @tercet/sdk.',
};

/** One configuration: modules that may not be imported, statically or by `import()`, and the banned calls. */
function place({ files, modules, callsLifted }) {
  const closed = [...modules, ...(callsLifted ? [] : bannedModules)];
  const syntax = [
    ...(callsLifted ? [] : bannedSyntax),
    ...closed.filter(({ onlyStatic }) => !onlyStatic).map(dynamicImport),
  ];
  return {
    files,
    rules: {
      ...(callsLifted ? liftedCallRules : bannedCallRules),
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: closed.map(staticImport) }],
      'no-restricted-syntax': ['error', ...syntax],
    },
  };
}

function staticImport({ regex, names, message, allowTypeImports = false }) {
  const pattern = { regex, message, allowTypeImports, caseSensitive: true };
  return names === undefined ? pattern : { ...pattern, importNamePattern: names };
}

/** `no-restricted-imports` does not see `import('x')`; a selector does. Its regular expressions know no slash. */
function dynamicImport({ regex, message }) {
  const pattern = regex.replaceAll('/', '\\u002F');
  return { selector: `ImportExpression[source.value=/${pattern}/]`, message };
}

// transport → service → engine → { store, participant }: each layer sees the ones to its right.
const layers = {
  transport: ['service', 'engine', 'store', 'participant'],
  service: ['engine', 'store', 'participant'],
  engine: ['store', 'participant'],
  store: [],
  participant: [],
  config: [],
  observability: [],
};

/** Layers of the coordinator. Tests beside a layer obey it too, but may use src/testing. */
function coordinatorLayers(kind = 'source') {
  const src = './packages/coordinator/src';
  const typesOnly = ['config', 'observability'];
  const zones = Object.entries(layers).flatMap(([layer, right]) => {
    const wrong = Object.keys(layers).filter(
      (other) => other !== layer && !right.includes(other) && !typesOnly.includes(other),
    );
    return [
      {
        target: `${src}/${layer}`,
        from: [
          ...wrong.map((other) => `${src}/${other}`),
          ...(kind === 'test' ? [] : [`${src}/testing`]),
        ],
        message: `${layer} may import ${[...right, 'core', 'types of config and observability'].join(', ')}.`,
      },
      {
        target: `${src}/${layer}`,
        from: [`${src}/*.ts`],
        message: 'Only the composition root sees all layers; no layer sees the root.',
      },
    ];
  });
  const used = zones.filter((zone) => zone.from.length > 0);
  return {
    files: [`packages/coordinator/src/**/*${kind === 'test' ? '.test' : ''}.ts`],
    rules: { 'import-x/no-restricted-paths': ['error', { zones: used }] },
  };
}
