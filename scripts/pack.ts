/**
 * `tsx scripts/pack.ts [folder]` packs every public package of the built workspace into tarballs below `folder`
 * (default dist/packages), which it empties first. One `npm install` of all of them asks no registry for `@tercet`.
 * With `--for-registry` they name each other by version: that is what would be published. With `--unpacked` that is laid
 * out in folders instead.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { publicPackages } from './pack/public-packages';
import { type Destination, stagePackage } from './pack/stage-package';

/** What is packed, whereto, and where from it will be installed. */
export interface Packing {
  /** The root of the repository, built. */
  readonly root: string;
  /** The folder of the tarballs. What is in it is removed first. */
  readonly out: string;
  readonly destination: Destination;
}

/** Packs every public package. Answers the tarballs' paths, by name. */
export function packAll({ root, out, destination }: Packing): string[] {
  const scratch = mkdtempSync(path.join(tmpdir(), 'pack-'));
  try {
    const names = stageAll({ root, out: scratch, destination });
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    npmPack(scratch, names, out);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return readdirSync(out)
    .sort()
    .map((name) => path.join(out, name));
}

/** Lays every public package out in a folder of `out`, named like its folder in the workspace. Answers the names. */
export function stageAll({ root, out, destination }: Packing): string[] {
  return publicPackages(root).map((pkg) => {
    const name = path.basename(pkg.folder);
    stagePackage({ root, pkg, destination, folder: path.join(out, name) });
    return name;
  });
}

function npmPack(cwd: string, stages: readonly string[], out: string): void {
  const args = [
    'pack',
    ...stages.map((name) => `./${name}`),
    '--pack-destination',
    out,
    '--ignore-scripts',
    '--silent',
  ];
  const { status, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`npm pack failed: ${stderr}`);
}

function main(root: string): void {
  const { values, positionals } = parseArgs({
    options: {
      'for-registry': { type: 'boolean', default: false },
      unpacked: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const out = path.resolve(root, positionals[0] ?? 'dist/packages');
  const destination = values['for-registry'] ? 'registry' : 'disk';
  if (values.unpacked) {
    stageAll({ root, out, destination: 'registry' });
    return;
  }
  const tarballs = packAll({ root, out, destination });
  for (const tarball of tarballs) console.log(path.relative(root, tarball));
}

if (require.main === module) main(path.resolve(__dirname, '..'));
