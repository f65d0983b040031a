/** Which packages of the workspace are published, and what their manifests say. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** One row of `exports`: a path, or the paths for the conditions that a consumer sets, in their order. */
export type ExportTarget = string | Readonly<Record<string, string>>;

/** The fields of package.json that packing looks at. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, ExportTarget>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package of the workspace: its folder, and its manifest. */
export interface WorkspacePackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The condition under which the workspace's own tools read sources. No consumer sets it. */
export const sourceCondition = '@tercet/source';

/** What `package.json` in `folder` says. */
export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Every package below `packages/` that is not private, by name. */
export function publicPackages(root: string): WorkspacePackage[] {
  const parent = path.join(root, 'packages');
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(parent, entry.name))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true)
    .sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1));
}

/** Every path that a manifest promises: its exports for every condition, and its programs. `./` is left out. */
export function promisedPaths({ exports = {}, bin = {} }: Manifest): string[] {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  return [...new Set([...targets, ...Object.values(bin)])].map((target) =>
    target.replace(/^\.\//, ''),
  );
}
