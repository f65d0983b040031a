/**
 * Nobody runs docker-compose.yml in a test; this pins what breaks it silently: paths that moved, ports that opened,
 * settings that were renamed, targets that are gone. test/e2e/images.test.ts builds what the Dockerfile describes.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { configFileField, configFields } from '@tercet/coordinator';
import { parse } from 'yaml';
import { dockerIgnore } from '../test/support/docker-ignore';
import {
  type Stage,
  instructionsOf,
  parseDockerfile,
  variablesOf,
} from '../test/support/dockerfile';

interface Service {
  readonly build: { readonly context: string; readonly target: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly profiles?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const root = path.resolve(__dirname, '..');
const text = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const compose = parse(text('docker-compose.yml')) as Compose;
const services = Object.entries(compose.services);
const stages = parseDockerfile(text('Dockerfile'));
const settings = [configFileField, ...Object.values(configFields)];

/** The stage that a service runs. */
function stageOf({ build }: Service): Stage {
  const stage = stages.find(({ name }) => name === build.target);
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${build.target}`);
  return stage;
}

/** A file that is committed, or that building makes from a source that is. */
function isThere(file: string): boolean {
  const source = file.replace(/(^|\/)dist\//, '$1src/').replace(/\.js$/, '.ts');
  return existsSync(path.join(root, file)) || existsSync(path.join(root, source));
}

/** Everything that a service starts: its entry, its command, its health check. */
function wordsOf(service: Service): string[] {
  const stage = stageOf(service);
  const [entry = [], command = []] = ['ENTRYPOINT', 'CMD'].map(
    (kind) => instructionsOf(stage, kind).at(-1)?.words,
  );
  return [...entry, ...(service.command ?? command), ...(service.healthcheck?.test ?? [])];
}

/** Ports that a service listens on, as its image, its variables or its command say. */
function portsOf(service: Service): string[] {
  const variables = Object.values({ ...variablesOf(stageOf(service)), ...service.environment });
  const addresses = variables.map((value) => /^0\.0\.0\.0:(\d+)$/.exec(value)?.[1] ?? '');
  const at = service.command?.indexOf('--port') ?? -1;
  return [...addresses, at < 0 ? '' : (service.command?.[at + 1] ?? '')].filter(
    (port) => port !== '',
  );
}

test('there are a coordinator and the participants of the demo', () => {
  expect(services.map(([name]) => name)).toEqual([
    'coordinator',
    'stock',
    'wallet',
    'shipping',
    'shop',
  ]);
});

test.each(services)('%s is built from a stage that exists', (_name, service) => {
  expect(service.build.context).toBe('.');
  expect(instructionsOf(stageOf(service), 'ENTRYPOINT')).toHaveLength(1);
});

test.each(services)('%s starts programs that exist', (_name, service) => {
  const programs = wordsOf(service).filter((word) => word.endsWith('.js'));
  expect(programs.length).toBeGreaterThanOrEqual(1);
  expect(programs.filter((program) => !isThere(program))).toEqual([]);
});

test.each(services)('%s keeps its data in a volume that is declared', (name, service) => {
  const mounts = service.volumes ?? [];
  expect(mounts).toEqual(name === 'shop' ? [] : [`${name}-data:/data`]);
  const declared = Object.keys(compose.volumes);
  expect(mounts.filter((mount) => !declared.includes(mount.split(':')[0] ?? ''))).toEqual([]);
  expect(instructionsOf(stageOf(service), 'VOLUME').map((one) => one.text)).toEqual(['/data']);
});

test.each(services)(
  '%s publishes ports that it listens on, to this machine alone',
  (_name, service) => {
    const listening = portsOf(service);
    const expected = listening.map((port) => `127.0.0.1:${port}:${port}`);
    expect(service.ports ?? []).toEqual(expected);
  },
);

test.each(services)('%s sets variables that somebody reads', (_name, service) => {
  const variables = Object.keys({ ...variablesOf(stageOf(service)), ...service.environment });
  const known = new Set(['NODE_ENV', ...settings.map(({ env }) => env)]);
  expect(variables.filter((name) => !known.has(name))).toEqual([]);
});

test.each(services)('%s waits for a healthy coordinator, unless it is the one', (name, service) => {
  const expected =
    name === 'coordinator' ? undefined : { coordinator: { condition: 'service_healthy' } };
  expect(service.depends_on).toEqual(expected);
});

test.each(services)('%s names other services by their names and ports', (_name, service) => {
  const known = services.flatMap(([name, other]) =>
    portsOf(other).map((port) => `${name}:${port}`),
  );
  const named = (service.command ?? []).filter((word) => /^[a-z]+:\d+$/.test(word));
  expect(named.filter((address) => !known.includes(address))).toEqual([]);
});

test('the coordinator is asked for its health by the command, in the image and in compose alike', () => {
  const service = compose.services['coordinator'];
  if (service === undefined) throw new Error('no coordinator');
  const ask = ['node', 'packages/cli/bin/tercet.js', 'health', '--timeout', '3s'];
  expect(service.healthcheck?.test).toEqual(['CMD', ...ask]);
  const [check] = instructionsOf(stageOf(service), 'HEALTHCHECK');
  expect(check?.text).toBe(`CMD ${JSON.stringify(ask).replaceAll(',', ', ')}`);
});

test('every port that the coordinator listens on is exposed', () => {
  const stage = stages.find(({ name }) => name === 'coordinator');
  expect(stage && instructionsOf(stage, 'EXPOSE').flatMap(({ words }) => words)).toEqual([
    '8420',
    '8421',
  ]);
  expect(portsOf(compose.services['coordinator'] as Service)).toEqual(['8420', '8421']);
});

test.each(['coordinator', 'participant'])(
  '%s runs as a user without rights, on files that root owns',
  (name) => {
    const stage = stages.find((one) => one.name === name) as Stage;
    expect(instructionsOf(stage, 'USER').map((one) => one.text)).toEqual(['node']);
    const owned = instructionsOf(stage, 'COPY').filter(({ flags }) => flags['chown'] !== undefined);
    expect(owned.map(({ flags, words }) => [flags['chown'], words.at(-1)])).toEqual([
      ['node:node', '/'],
    ]);
    // A shell between them would keep SIGTERM from node.
    for (const kind of ['ENTRYPOINT', 'CMD']) {
      for (const { text: form } of instructionsOf(stage, kind)) expect(form).toMatch(/^\[/);
    }
  },
);

test('every stage stands on a stage above it, or on a Node.js that the workspace supports', () => {
  const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };
  const oldest = Number(/\d+/.exec(engines.node)?.[0]);
  const above = new Set<string>();
  for (const { name, base } of stages) {
    const [, major] = /^node:(\d+)-/.exec(base) ?? [];
    expect([name, above.has(base) || Number(major) >= oldest]).toEqual([name, true]);
    above.add(name);
  }
});

test('what COPY takes from the repository exists and is sent along', () => {
  const ignored = dockerIgnore(text('.dockerignore'));
  const named = stages.flatMap((stage) =>
    instructionsOf(stage, 'COPY')
      .filter(({ flags }) => flags['from'] === undefined)
      .flatMap(({ words }) => words.slice(0, -1)),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((file) => !existsSync(path.join(root, file)) || ignored(file))).toEqual([]);
  const away = ['node_modules', 'packages/cli/dist', 'packages/cli/tsconfig.tsbuildinfo', '.git'];
  expect(away.filter((file) => !ignored(file))).toEqual([]);
});

test('the manifests that npm ci needs are those of every workspace', () => {
  const { workspaces } = JSON.parse(text('package.json')) as { workspaces: readonly string[] };
  const lock = JSON.parse(text('package-lock.json')) as {
    packages: Readonly<Record<string, unknown>>;
  };
  const folders = Object.keys(lock.packages).filter((place) =>
    /^(?!.*node_modules)(packages|examples|bench)/.test(place),
  );
  expect(workspaces).toEqual(['packages/*', 'examples/*', 'bench']);
  const stage = stages.find(({ name }) => name === 'manifests') as Stage;
  const copied = instructionsOf(stage, 'COPY').flatMap(({ words }) => words.slice(0, -1));
  const missing = folders.filter((folder) => !copied.includes(`${folder}/package.json`));
  expect(missing).toEqual([]);
});
