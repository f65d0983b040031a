/** The packed packages, and an empty folder to install them into. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packAll } from '../../scripts/pack';
import type { Destination } from '../../scripts/pack/stage-package';
import { newcomerEnv } from './newcomer-env';

/** The root of the repository. */
export const root = path.resolve(__dirname, '../..');

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder outside of the repository, so that nothing is found by looking upwards. */
export class EmptyFolder {
  readonly path = mkdtempSync(path.join(tmpdir(), 'tercet-empty-'));

  /** Writes a file, below folders that are made for it. */
  write(file: string, text: string): void {
    const target = path.join(this.path, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** Runs a program to its end. */
  run(program: string, ...args: readonly string[]): Ended {
    // What the repository's own install has fetched need not be asked for again.
    const env = { ...newcomerEnv(root), npm_config_prefer_offline: 'true' };
    const options = { cwd: this.path, env, encoding: 'utf8' } as const;
    const { status, stdout, stderr, error } = spawnSync(program, args, options);
    if (error) throw error;
    return { status, stdout, stderr };
  }

  /** Packs every public package into `tarballs` below this folder. Answers the paths. */
  pack(destination: Destination): string[] {
    return packAll({ root, out: path.join(this.path, 'tarballs'), destination });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
