/**
 * Builds the stages of a Dockerfile without a container runtime: each stage is a folder that stands for its root, COPY
 * copies what it names, and RUN really runs there. The base image's own files are this machine's.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { dockerIgnore } from './docker-ignore';
import { type Instruction, type Stage, variablesOf } from './dockerfile';

/** What a build needs. */
export interface ImageBuild {
  readonly stages: readonly Stage[];
  /** The root of the repository, which is the build's context. */
  readonly context: string;
  readonly ignored: ReturnType<typeof dockerIgnore>;
  /** The folder below which every stage gets its root. */
  readonly scratch: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A stage that was built: its root, and the folder and variables of what runs in it. */
export interface BuiltStage {
  readonly root: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Builds all stages in order. Throws with the output of the first RUN that fails. */
export function buildImages(build: ImageBuild): Map<string, BuiltStage> {
  const built = new Map<string, BuiltStage>();
  for (const stage of build.stages) built.set(stage.name, buildStage(build, stage, built));
  return built;
}

function buildStage(build: ImageBuild, stage: Stage, built: Map<string, BuiltStage>): BuiltStage {
  const base = built.get(stage.base);
  const root = path.join(build.scratch, stage.name);
  mkdirSync(root);
  if (base !== undefined) copyTree(base.root, root);
  let folder = base === undefined ? root : path.join(root, path.relative(base.root, base.folder));
  const env = { ...build.env, ...base?.env, ...variablesOf(stage) };
  for (const instruction of stage.instructions) {
    if (instruction.name === 'WORKDIR') folder = path.join(root, instruction.text);
    if (instruction.name === 'COPY') copy({ build, built, root, folder, instruction });
    if (instruction.name === 'RUN' && !installed(build, instruction, folder)) {
      run(instruction, folder, env);
    }
    mkdirSync(folder, { recursive: true });
  }
  return { root, folder, env };
}

/**
 * Whether a RUN installs everything of the same lockfile as the repository that the tests run in: then its `node_modules` is
 * copied instead, for installing them takes half a minute of a core, and has been done. Installs of parts are really run.
 */
function installed({ context }: ImageBuild, { text }: Instruction, folder: string): boolean {
  if (!/^npm ci(?!.*--(omit|workspace))/.test(text)) return false;
  const [ours, theirs] = [context, folder].map((place) => path.join(place, 'package-lock.json'));
  const modules = path.join(context, 'node_modules');
  if (!existsSync(path.join(modules, '.package-lock.json'))) return false;
  if (!readFileSync(ours ?? '').equals(readFileSync(theirs ?? ''))) return false;
  copyTree(modules, path.join(folder, 'node_modules'));
  return true;
}

function run({ text }: Instruction, folder: string, env: NodeJS.ProcessEnv): void {
  // A path from the root would be one of this machine, not of the stage.
  if (/(^|[\s'"=])\/\w/.test(text))
    throw new Error(`RUN ${text}: name paths from the folder it runs in`);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', text], {
    cwd: folder,
    // What the tests' own install has fetched need not be asked for again.
    env: { ...env, npm_config_prefer_offline: 'true' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`RUN ${text}\nended with ${status}\n${stdout}${stderr}`);
}

interface Copy {
  readonly build: ImageBuild;
  readonly built: ReadonlyMap<string, BuiltStage>;
  readonly root: string;
  readonly folder: string;
  readonly instruction: Instruction;
}

function copy({ build, built, root, folder, instruction }: Copy): void {
  const { flags, words } = instruction;
  const stage = flags['from'] === undefined ? undefined : built.get(flags['from']);
  if (flags['from'] !== undefined && stage === undefined) {
    throw new Error(`COPY --from=${flags['from']}: no stage above`);
  }
  const target = words.at(-1) ?? '';
  const sources = words.slice(0, -1);
  const intoFolder = target.endsWith('/');
  if (sources.length > 1 && !intoFolder) throw new Error(`COPY … ${target}: no slash at the end`);
  const to = path.join(target.startsWith('/') ? root : folder, target);
  for (const source of sources) {
    const origin = path.join(stage?.root ?? build.context, source);
    if (!existsSync(origin)) throw new Error(`COPY ${source}: it is not there`);
    const file = intoFolder ? path.join(to, path.basename(source)) : to;
    copyOne(origin, statSync(origin).isDirectory() ? to : file, stage ? undefined : build);
  }
}

/** Without a context everything that is there: it comes from another stage. */
function copyOne(from: string, to: string, context: ImageBuild | undefined): void {
  if (!statSync(from).isDirectory()) return copyFile(from, to);
  if (context === undefined) return copyTree(from, to);
  copyFolder(from, to, context);
}

function copyFile(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to);
}

/** The contents of a folder, all of them. Tens of thousands of files: `cp` takes a tenth of the time that Node.js does. */
function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  const { status, stderr } = spawnSync('cp', ['-a', `${from}/.`, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cp -a ${from}: ${stderr}`);
}

/** The contents of a folder of the context, except what is ignored. */
function copyFolder(from: string, to: string, context: ImageBuild): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    cpSync(path.join(from, name), path.join(to, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) =>
        !context.ignored(path.relative(context.context, source).split(path.sep).join('/')),
    });
  }
}
