/**
 * Time and chance enter the program in one place, `packages/runtime`, so that everything else runs under a virtual
 * clock and a seeded random source. These are the ways around that place, and they are closed.
 */
const portHint = 'Take it from a port (Clock, Scheduler, Random) so that tests can drive it.';

const bannedProperties = [
  ['Date', 'now'],
  ['performance', 'now'],
  ['performance', 'timeOrigin'],
  ['process', 'hrtime'],
  ['process', 'nextTick'],
  ['process', 'uptime'],
  ['Math', 'random'],
  ['process', 'getBuiltinModule'],
  ['AbortSignal', 'timeout'],
  ...[
    'getRandomValues',
    'randomBytes',
    'randomFill',
    'randomFillSync',
    'randomInt',
    'randomUUID',
    'webcrypto',
  ].map((name) => ['crypto', name]),
].map(([object, property]) => ({ object, property, message: portHint }));

const bannedGlobals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'crypto',
].map((name) => ({ name, message: portHint }));

/** Modules that carry the same calls under another name. `names` narrows the ban to some exports. */
export const bannedModules = [
  { regex: '^(node:)?timers(/.*)?$', message: portHint },
  { regex: '^(node:)?perf_hooks$', message: portHint },
  {
    regex: '^(node:)?crypto$',
    names: '^(random|generate|getRandomValues$|webcrypto$|default$)',
    message: `createHash and the like may be imported by name. ${portHint}`,
  },
  { regex: '^(node:)?process$', names: '^(hrtime|nextTick|uptime|default)$', message: portHint },
];

/** Selectors for what neither a property nor a global name can say. */
export const bannedSyntax = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: `new Date() reads the wall clock; new Date(ms) is fine. ${portHint}`,
  },
  {
    selector: 'NewExpression[callee.property.name="Date"][arguments.length=0]',
    message: `new Date() reads the wall clock; new Date(ms) is fine. ${portHint}`,
  },
  {
    selector: 'CallExpression[callee.name="Date"]',
    message: `Date() reads the wall clock. ${portHint}`,
  },
  {
    // `globalThis.Date.now`: the object is a member itself, which no-restricted-properties does not match.
    selector:
      'MemberExpression[object.property.name=/^(Date|performance|Math|crypto|process|AbortSignal)$/]' +
      '[property.name=/^(now|timeOrigin|hrtime|nextTick|random.*|getRandomValues|timeout)$/]',
    message: portHint,
  },
];

/** The rules that ban calls; `no-restricted-syntax` is assembled in boundaries.mjs, which shares it. */
export const bannedCallRules = {
  'no-restricted-properties': ['error', ...bannedProperties],
  'no-restricted-globals': [
    'error',
    { globals: bannedGlobals, checkGlobalObject: true, globalObjects: ['global'] },
  ],
};

/** The same rules, lifted. */
export const liftedCallRules = {
  'no-restricted-properties': 'off',
  'no-restricted-globals': 'off',
};
