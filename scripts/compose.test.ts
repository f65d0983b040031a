/** Nobody runs docker-compose.yml in a test; this pins what breaks it silently: paths that moved, ports that opened. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly working_dir: string;
  readonly command: readonly string[];
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const root = path.resolve(__dirname, '..');
const compose = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')) as Compose;
const services = Object.entries(compose.services);

/** A file that is committed, or that `make up` builds from a source that is. */
function isThere(file: string): boolean {
  const source = file.replace(/(^|\/)dist\//, '$1src/').replace(/\.js$/, '.ts');
  return existsSync(path.join(root, file)) || existsSync(path.join(root, source));
}

test('there is a service to look at', () => {
  expect(services.map(([name]) => name)).toContain('coordinator');
});

test.each(services)(
  '%s mounts folders that exist and volumes that are declared',
  (_name, service) => {
    expect(service.volumes).not.toEqual([]);
    for (const volume of service.volumes) {
      const [source = ''] = volume.split(':');
      const known = source.startsWith('.')
        ? existsSync(path.join(root, source))
        : Object.hasOwn(compose.volumes, source);
      expect([volume, known]).toEqual([volume, true]);
    }
  },
);

test.each(services)('%s runs in the workspace, which it cannot write to', (_name, service) => {
  expect(service.volumes).toContain(`.:${service.working_dir}:ro`);
});

test.each(services)('%s starts programs that exist', (_name, service) => {
  const words = [...service.command, ...service.healthcheck.test];
  const programs = words.filter((word) => word.endsWith('.js'));
  expect(programs.length).toBeGreaterThanOrEqual(2);
  expect(programs.filter((program) => !isThere(program))).toEqual([]);
});

test.each(services)('%s publishes its ports to this machine alone', (_name, service) => {
  expect(service.ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

test.each(services)('%s runs on a Node.js that the workspace supports', (_name, service) => {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const oldest = Number(/\d+/.exec(engines.node)?.[0]);
  const [, major] = /^node:(\d+)-/.exec(service.image) ?? [];
  expect(Number(major)).toBeGreaterThanOrEqual(oldest);
});
