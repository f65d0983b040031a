/**
 * Lays out what one tarball will hold, in a folder of its own.
 *
 * P1 compiled code is taken only where its source still exists and is no test: the compiler never removes what it once
 *    wrote. Doubles (`testing/`) are taken only where the package exports them.
 * P2 the manifest names nothing that is not there: the condition for sources is left out.
 * P3 no source maps and no references to them: they would lead to sources that are not there.
 * P4 each tarball holds the licence and a README.
 * P5 its manifest has no scripts: they are for packing in the package's own folder.
 * P6 tarballs to install from disk name each other as files beside them. npm asks the registry ahead for each name that
 *    it has not put into the tree yet, even where a tarball of the same command will satisfy it; a file it reads from
 *    disk. Such a manifest is right on disk only, so it is private: npm refuses to publish it.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ExportTarget,
  type Manifest,
  type WorkspacePackage,
  promisedPaths,
  sourceCondition,
} from './public-packages';

/** Where a tarball will be installed from: a folder that holds all of them, or a registry. */
export type Destination = 'disk' | 'registry';

/** What is staged, and where. */
export interface Staging {
  /** The root of the repository. */
  readonly root: string;
  readonly pkg: WorkspacePackage;
  readonly destination: Destination;
  /** The folder to lay it out in; it is created. */
  readonly folder: string;
}

/** Folders that come from elsewhere in the repository: below the package, below the root. */
const borrowed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '@tercet/proto': { proto: 'proto' },
};

/** Lays out one package. Needs a build. */
export function stagePackage({ root, pkg, destination, folder }: Staging): void {
  const { manifest } = pkg;
  const borrows = borrowed[manifest.name] ?? {};
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, 'package.json'),
    `${JSON.stringify(packedManifest(manifest, destination), null, 2)}\n`,
  );
  cpSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  cpSync(path.join(pkg.folder, 'README.md'), path.join(folder, 'README.md'));
  for (const entry of manifest.files ?? []) {
    const from = borrows[entry] ?? path.relative(root, path.join(pkg.folder, entry));
    if (entry === 'dist') stageCompiled(pkg, folder);
    else cpSync(path.join(root, from), path.join(folder, entry), { recursive: true });
  }
}

/** The manifest as the tarball holds it. */
export function packedManifest(manifest: Manifest, destination: Destination): Manifest {
  const { exports = {}, dependencies = {}, scripts: _scripts, ...rest } = manifest;
  const packed = {
    ...rest,
    dependencies,
    exports: mapValues(exports, ([, row]) => withoutSource(row)),
  };
  if (destination === 'registry') return packed;
  const beside = mapValues(dependencies, ([name, range]) =>
    name.startsWith('@tercet/') ? `file:${tarballName(name, range)}` : range,
  );
  return { ...packed, private: true, dependencies: beside };
}

/** The name that `npm pack` gives to the tarball of a package with a scope. */
export function tarballName(name: string, version: string): string {
  return `${name.slice(1).replace('/', '-')}-${version}.tgz`;
}

function mapValues<V, W>(
  record: Readonly<Record<string, V>>,
  map: (entry: readonly [string, V]) => W,
): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map((entry) => [entry[0], map(entry)]));
}

function withoutSource(target: ExportTarget): ExportTarget {
  if (typeof target === 'string') return target;
  return Object.fromEntries(Object.entries(target).filter(([key]) => key !== sourceCondition));
}

function stageCompiled({ folder, manifest }: WorkspacePackage, stage: string): void {
  const dist = path.join(folder, 'dist');
  if (!existsSync(dist)) throw new Error(`${dist} is missing: run \`make build\` first`);
  const exported = promisedPaths(manifest);
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.relative(folder, path.join(entry.parentPath, entry.name));
    const posix = file.split(path.sep).join('/');
    if (isPublished(folder, posix, exported))
      copyCompiled(path.join(folder, file), path.join(stage, file));
  }
}

function isPublished(folder: string, file: string, exported: readonly string[]): boolean {
  const stem = /^dist\/(.*?)(?:\.d\.ts|\.js)$/.exec(file)?.[1];
  if (stem === undefined || stem.endsWith('.test')) return false;
  if (!existsSync(path.join(folder, 'src', `${stem}.ts`))) return false;
  const doubles = /^dist\/(?:.*\/)?testing\//.exec(file)?.[0];
  return doubles === undefined || exported.some((target) => target.startsWith(doubles));
}

function copyCompiled(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, readFileSync(from, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
}
